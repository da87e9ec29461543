package storage

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Config says which bucket to use. The embedded store gives its own endpoint and keys.
type Config struct {
	Endpoint  string // "host:port" or "host", without scheme and path
	Region    string // name of the region, sent with every request; "" is not allowed, so that nothing is probed
	Bucket    string // made if it is missing
	AccessKey string
	SecretKey string
	TLS       bool // speak HTTPS
}

// DefaultConfig returns the settings that do not depend on the installation.
func DefaultConfig() Config {
	return Config{Region: "us-east-1", Bucket: "souffleur"}
}

// Validate names the first wrong setting.
func (c Config) Validate() error {
	switch {
	case c.Endpoint == "":
		return errors.New("S3_ENDPOINT is empty: give host:port of the object store")
	case strings.Contains(c.Endpoint, "/"):
		return fmt.Errorf("S3_ENDPOINT %q: give host:port without http:// and without a path; S3_TLS chooses HTTPS", c.Endpoint)
	case c.Region == "":
		return errors.New("S3_REGION is empty: us-east-1 suits every store that has no regions")
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("S3_ACCESS_KEY and S3_SECRET_KEY must both be set")
	}
	if err := validBucket(c.Bucket); err != nil {
		return fmt.Errorf("S3_BUCKET %q: %w", c.Bucket, err)
	}
	return nil
}

// validBucket checks the part of the bucket rules that all stores share: 3 to 63 of a-z, 0-9, '-' and '.', no address.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validBucket(name string) error {
	const inside = "abcdefghijklmnopqrstuvwxyz0123456789-."
	switch {
	case len(name) < 3 || len(name) > 63:
		return errors.New("a bucket's name has 3 to 63 characters")
	case strings.Trim(name, inside) != "":
		return errors.New("a bucket's name has only a to z, 0 to 9, '-' and '.'")
	case strings.ContainsAny(name[:1]+name[len(name)-1:], "-.") || strings.Contains(name, ".."):
		return errors.New("a bucket's name begins and ends with a letter or digit and has no two dots in a row")
	case net.ParseIP(name) != nil:
		return errors.New("a bucket's name is not an address")
	}
	return nil
}
