package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	asrremote "souffleur/asr/remote"
	"souffleur/internal/bus"
	"souffleur/internal/node"
	"souffleur/internal/seal"
	"souffleur/sfu"
	"souffleur/sfu/load"
	"souffleur/storage"
	"souffleur/web"
)

// dataFlags says where the durable things of this machine are.
type dataFlags struct {
	Data string `help:"Folder for everything this machine keeps." env:"SOUFFLEUR_DATA" default:"data" type:"path" placeholder:"DIR"`
}

// busFlags chooses the Kafka servers.
type busFlags struct {
	KafkaBrokers     []string `help:"Kafka servers, HOST:PORT,…; without it serve starts the embedded broker." env:"KAFKA_BROKERS" placeholder:"HOST:PORT"`
	KafkaPrefix      string   `help:"Prefix of all topic names." env:"KAFKA_PREFIX" default:"souffleur."`
	KafkaReplication int      `help:"Replication factor of topics that are created; 3 in production." env:"KAFKA_REPLICATION" default:"1"`
	KafkaLarge       bool     `help:"Create topics with the partitions of a large installation." env:"KAFKA_LARGE"`
	KafkaTLS         bool     `help:"Use TLS." env:"KAFKA_TLS" name:"kafka-tls"`
	KafkaCAFile      string   `help:"Certificates to trust instead of the system's." env:"KAFKA_CA_FILE" name:"kafka-ca-file" type:"existingfile" placeholder:"FILE"`
	KafkaSASL        string   `help:"SASL mechanism: plain, scram-sha-256 or scram-sha-512." env:"KAFKA_SASL" name:"kafka-sasl" placeholder:"MECHANISM"`
	KafkaUser        string   `help:"SASL user." env:"KAFKA_USER" placeholder:"NAME"`
	KafkaMemberDir   string   `help:"Folder of this process for the names it has in Kafka groups: after a crash its successor takes over at once. serve sets it." env:"KAFKA_MEMBER_DIR" placeholder:"DIR"`
	KafkaPassword    string   `help:"SASL password." env:"KAFKA_PASSWORD" placeholder:"SECRET" secret:""`
}

func (f busFlags) config() bus.Config {
	c := bus.DefaultConfig()
	c.Brokers, c.Prefix, c.Replication, c.Large = f.KafkaBrokers, f.KafkaPrefix, f.KafkaReplication, f.KafkaLarge
	c.TLS, c.CAFile = f.KafkaTLS, f.KafkaCAFile
	c.MemberDir = f.KafkaMemberDir
	c.SASL, c.User, c.Password = f.KafkaSASL, f.KafkaUser, f.KafkaPassword
	return c
}

// storageFlags chooses the S3 server.
type storageFlags struct {
	S3Endpoint  string `help:"S3 server, HOST:PORT; without it serve starts the embedded store." env:"S3_ENDPOINT" name:"s3-endpoint" placeholder:"HOST:PORT"`
	S3Region    string `help:"S3 region." env:"S3_REGION" name:"s3-region" default:"us-east-1"`
	S3Bucket    string `help:"Bucket; made if absent." env:"S3_BUCKET" name:"s3-bucket" default:"souffleur"`
	S3AccessKey string `help:"Access key." env:"S3_ACCESS_KEY" name:"s3-access-key"`
	S3SecretKey string `help:"Secret key." env:"S3_SECRET_KEY" name:"s3-secret-key" secret:""`
	S3TLS       bool   `help:"Use TLS." env:"S3_TLS" name:"s3-tls"`
}

func (f storageFlags) config() storage.Config {
	c := storage.DefaultConfig()
	c.Endpoint, c.Region, c.Bucket = f.S3Endpoint, f.S3Region, f.S3Bucket
	c.AccessKey, c.SecretKey, c.TLS = f.S3AccessKey, f.S3SecretKey, f.S3TLS
	return c
}

// keyFlags gives the master key.
type keyFlags struct {
	MasterKey        string `help:"Master key that wraps all others, 64 hexadecimal digits; former ones behind it." env:"SOUFFLEUR_MASTER_KEY" secret:""`
	MasterKeyFile    string `help:"File with the master key; serve makes DATA/master.key if there is none." env:"SOUFFLEUR_MASTER_KEY_FILE" type:"path" placeholder:"FILE"`
	MasterKeyCommand string `help:"Program that prints the master key, for key services. It gets the content of --master-key-file, if that is set, on standard input." env:"SOUFFLEUR_MASTER_KEY_COMMAND" placeholder:"COMMAND"`
}

// masterKeyName is the master key's file in the data folder.
const masterKeyName = "master.key"

// masterPath returns where the master key of a data folder is.
func (f keyFlags) masterPath(data string) string {
	if f.MasterKeyFile != "" {
		return f.MasterKeyFile
	}
	return filepath.Join(data, masterKeyName)
}

// source says where the master key comes from. Without a setting it is the file in dir; an empty dir means that there is none,
// and that no file may be made.
func (f keyFlags) source(dir string) (seal.Source, error) {
	s := seal.Source{Text: f.MasterKey, File: f.MasterKeyFile, Command: f.MasterKeyCommand}
	if f.MasterKey == "" && f.MasterKeyFile == "" && f.MasterKeyCommand == "" {
		if dir == "" {
			return s, badUsage("no master key: set SOUFFLEUR_MASTER_KEY_FILE to the file DATA/%s of the server, SOUFFLEUR_MASTER_KEY, or SOUFFLEUR_MASTER_KEY_COMMAND", masterKeyName)
		}
		s.File, s.Create = filepath.Join(dir, masterKeyName), true
	}
	if err := s.Validate(); err != nil {
		return s, badUsage("SOUFFLEUR_MASTER_KEY, SOUFFLEUR_MASTER_KEY_COMMAND: %w", err)
	}
	return s, nil
}

// present returns the master key that an installation has: none is made.
func (f keyFlags) present(ctx context.Context, dir string) (*seal.Master, error) {
	source, err := f.source(dir)
	if err != nil {
		return nil, err
	}
	source.Create = false
	master, err := source.Master(ctx)
	if err != nil {
		return nil, usageError{err}
	}
	return master, nil
}

// modelFlags chooses the speech model: one of this machine, or a service that has one.
type modelFlags struct {
	Models string `help:"Folder of speech models." env:"SOUFFLEUR_MODELS" default:"${models}" type:"path" placeholder:"DIR"`
	Model  string `help:"Speech model." env:"SOUFFLEUR_MODEL" default:"whisper-base" placeholder:"NAME"`

	PartialsModel string   `help:"Speech model for captions while people speak; default: --model." env:"SOUFFLEUR_PARTIALS_MODEL" placeholder:"NAME"`
	FinalsModel   string   `help:"Speech model for the lasting text; default: --model." env:"SOUFFLEUR_FINALS_MODEL" placeholder:"NAME"`
	Engines       []string `help:"More speech models that an admin may choose for a room; \"service\" is that of --asr-url." env:"SOUFFLEUR_ENGINES" placeholder:"NAME,…"`

	ASRURL   string `help:"OpenAI-compatible transcription service to ask instead of a model of this machine. What is said goes there: use https beyond your own network." env:"SOUFFLEUR_ASR_URL" name:"asr-url" placeholder:"URL"`
	ASRToken string `help:"Token of the transcription service." env:"SOUFFLEUR_ASR_TOKEN" name:"asr-token" placeholder:"SECRET" secret:""`
	ASRModel string `help:"Name of the transcription service's model." env:"SOUFFLEUR_ASR_MODEL" name:"asr-model" default:"whisper-1" placeholder:"NAME"`
}

// service is the transcription service's configuration.
func (f modelFlags) service() asrremote.Config {
	return asrremote.Config{URL: f.ASRURL, Token: f.ASRToken, Model: f.ASRModel}
}

func defaultModelsDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "souffleur", "models")
}

// asrFlags tunes recognition.
type asrFlags struct {
	ASRWorkers int  `help:"Decodes at once, one thread each; 0: one per core." env:"SOUFFLEUR_ASR_WORKERS" name:"asr-workers" default:"0"`
	GPU        bool `help:"Use the GPU, if the engine was built for one." env:"SOUFFLEUR_GPU" name:"gpu"`
}

// nodeFlags are of the rooms and the web pages.
type nodeFlags struct {
	networkFlags
	signInFlags
	webhookFlags
	lookFlags
	Listen         string        `help:"Address of the web pages." env:"SOUFFLEUR_LISTEN" default:"localhost:8080" placeholder:"HOST:PORT"`
	PublicURL      string        `help:"Address under which browsers reach the server, behind a proxy." env:"SOUFFLEUR_PUBLIC_URL" placeholder:"URL"`
	TrustedProxies []string      `help:"Proxies whose X-Forwarded headers are believed, as networks." env:"SOUFFLEUR_TRUSTED_PROXIES" placeholder:"CIDR"`
	TLSCert        string        `help:"Certificate file: serve HTTPS." env:"SOUFFLEUR_TLS_CERT" name:"tls-cert" type:"existingfile" placeholder:"FILE"`
	TLSKey         string        `help:"Key file of the certificate." env:"SOUFFLEUR_TLS_KEY" name:"tls-key" type:"existingfile" placeholder:"FILE"`
	Grace          time.Duration `help:"How long a meeting waits for somebody to come back before it ends." env:"SOUFFLEUR_GRACE" default:"2m"`
	MaxPeople      int           `help:"People in one meeting." env:"SOUFFLEUR_MAX_PEOPLE" default:"150"`
	MaxUploadMB    int           `help:"Longest recording that is transcribed at /v1/audio/transcriptions, in MB." env:"SOUFFLEUR_MAX_UPLOAD_MB" name:"max-upload-mb" default:"200"`

	MaxMeetings      int `help:"Meetings at once on this server; more are told to come later. 0: any number." env:"SOUFFLEUR_MAX_MEETINGS" default:"0"`
	MaxTotal         int `help:"People in all meetings of this server together; 0: any number." env:"SOUFFLEUR_MAX_TOTAL" default:"0"`
	MaxCPU           int `help:"Percent of the processor time it could get that serve may use. Above it video pauses, small pictures first, and at last no new meeting begins. 0: it does not count." env:"SOUFFLEUR_MAX_CPU" name:"max-cpu" default:"85"`
	UplinkMbps       int `help:"What this machine can send, in Mb/s: near that, too, video pauses. 0: not known." env:"SOUFFLEUR_UPLINK_MBPS" default:"0"`
	MaxPersonMbps    int `help:"What one person may send, in Mb/s. More is dropped; who goes on for five seconds is thrown out." env:"SOUFFLEUR_MAX_PERSON_MBPS" default:"8"`
	MaxPersonPackets int `help:"Packets that one person may send in a second; the same happens with more." env:"SOUFFLEUR_MAX_PERSON_PACKETS" default:"3000"`
}

func (f nodeFlags) nodeConfig() (node.Config, error) {
	c := node.DefaultConfig()
	c.Grace, c.MaxPeople, c.MaxMeetings, c.MaxTotal = f.Grace, f.MaxPeople, f.MaxMeetings, f.MaxTotal
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// overload sets when video is given up, and what one person may send.
func (f nodeFlags) overload(c *sfu.Config) error {
	c.Load = load.Config{MaxCPU: float64(f.MaxCPU) / 100, Uplink: uint64(max(0, f.UplinkMbps)) * 1_000_000}
	c.Person = sfu.PersonLimits{Bitrate: f.MaxPersonMbps * 1_000_000, Packets: f.MaxPersonPackets}
	if f.UplinkMbps < 0 {
		return badUsage("--uplink-mbps is %d, must not be negative", f.UplinkMbps)
	}
	return nil
}

func (f nodeFlags) webConfig(token, data string, engines []string) (web.Config, error) {
	c := web.DefaultConfig()
	c.UploadDir, c.MaxUpload = filepath.Join(data, "uploads"), int64(f.MaxUploadMB)<<20
	c.PublicURL, c.APIToken, c.Version, c.Engines = f.PublicURL, token, version, engines
	c.OIDC = f.signInFlags.config()
	for _, p := range f.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return c, badUsage("SOUFFLEUR_TRUSTED_PROXIES: %q is no network such as 10.0.0.0/8", p)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return c, badUsage("--tls-cert and --tls-key go together")
	}
	return c, nil
}

// loadSettings reads the JSON file of --config. A key that is no flag stops the start.
func loadSettings(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := json.NewDecoder(r).Decode(&values); err != nil {
		return nil, fmt.Errorf("settings file is not JSON: %w", err)
	}
	return settingsFile(values), nil
}

type settingsFile map[string]any

// Validate implements kong.Resolver.
func (s settingsFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, f := range flagsBelow(app.Node) {
		known[f.Name] = true
	}
	for key := range s {
		if !known[key] {
			return fmt.Errorf("settings file: unknown key %q", key)
		}
	}
	return nil
}

func flagsBelow(n *kong.Node) []*kong.Flag {
	flags := slices.Clone(n.Flags)
	for _, child := range n.Children {
		flags = append(flags, flagsBelow(child)...)
	}
	return flags
}

// Resolve implements kong.Resolver.
func (s settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := s[flag.Name]
	if !ok {
		return nil, nil
	}
	return value, nil
}

// configCmd shows settings.
type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Print the settings that serve would use, secrets masked."`
}

type configPrintCmd struct{ systemFlags }

// Run prints the effective settings of serve.
func (c *configPrintCmd) Run(kctx *kong.Context) error {
	for _, f := range kctx.Selected().Flags {
		value := fmt.Sprint(f.Target.Interface())
		if list, ok := f.Target.Interface().([]string); ok {
			value = strings.Join(list, ",")
		}
		if f.Tag.Has("secret") && !f.Target.IsZero() {
			value = "********"
		}
		env := ""
		if len(f.Envs) > 0 {
			env = f.Envs[0]
		}
		if _, err := fmt.Fprintf(kctx.Stdout, "%-24s %-28s %s\n", f.Name, env, value); err != nil {
			return err
		}
	}
	return nil
}

// childEnv is the environment that gives a child process the same settings as this one: every flag that has a variable.
func childEnv(flags any) []string {
	env := os.Environ()
	walkFlags(reflect.ValueOf(flags), func(name string, v reflect.Value) {
		if v.IsZero() {
			return
		}
		value := fmt.Sprint(v.Interface())
		if list, ok := v.Interface().([]string); ok {
			value = strings.Join(list, ",")
		}
		env = append(env, name+"="+value)
	})
	return env
}

func walkFlags(v reflect.Value, visit func(env string, v reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			walkFlags(v.Field(i), visit)
			continue
		}
		if env, ok := field.Tag.Lookup("env"); ok {
			visit(env, v.Field(i))
		}
	}
}
