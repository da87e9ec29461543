// Command longtape makes the kept sound of a meeting long: it appends minutes of noise, at the highest rate that Opus has,
// to a track in the data folder of a server that is not running. Browsers load short sounds as a whole; what they do with
// long ones, the browser test would otherwise have to speak for an hour to see.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"time"

	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/tape"
	"souffleur/storage"
)

func main() {
	data := flag.String("data", "", "data folder of a stopped server")
	id := flag.String("meeting", "", "meeting")
	track := flag.String("track", "", "track of which something was kept")
	length := flag.Duration("length", 3*time.Minute, "how much is appended")
	flag.Parse()
	if err := run(context.Background(), *data, meeting.ID(*id), meeting.TrackID(*track), *length); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data string, id meeting.ID, track meeting.TrackID, length time.Duration) error {
	quiet := slog.New(slog.DiscardHandler)
	s3, err := embed.StartS3(ctx, embed.S3Config{Dir: filepath.Join(data, "s3")}, quiet)
	if err != nil {
		return err
	}
	defer s3.Close()
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = s3.Endpoint(), s3.AccessKey(), s3.SecretKey()
	store, err := storage.Open(ctx, config, quiet)
	if err != nil {
		return err
	}
	defer store.Close()
	master, err := seal.LoadMaster(filepath.Join(data, "master.key"), false)
	if err != nil {
		return err
	}
	keys := storage.NewKeyring(store, master)
	tracks, err := storage.NewAudio(store, keys, storage.NewMeetings(store, keys)).Tracks(ctx, id)
	if err != nil {
		return err
	}
	for _, t := range tracks {
		if t.Track == track {
			return lengthen(ctx, store, keys, id, t, length)
		}
	}
	return fmt.Errorf("nothing was kept of track %s", track)
}

func lengthen(ctx context.Context, store *storage.Store, keys *storage.Keyring, id meeting.ID, t storage.AudioTrack, length time.Duration) error {
	writer, err := storage.NewAudioWriter(store, keys, id, t.Track)
	if err != nil {
		return err
	}
	const frame, perPiece = 20 * time.Millisecond, 500
	epoch := t.ToMS + 1000
	for n := 0; n < int(length/frame); n += perPiece {
		packets := make([]tape.Packet, perPiece)
		for i := range packets {
			at := epoch + int64(n+i)*frame.Milliseconds()
			packets[i] = tape.Packet{Epoch: uint64(epoch), Seq: uint64(n + i), Pos: at * tape.SamplesPerMS, Opus: noise()}
		}
		if err := writer.Append(ctx, packets); err != nil {
			return err
		}
	}
	return nil
}

// noise is a packet of 20 ms that holds as much as a packet can.
func noise() []byte {
	packet := make([]byte, 1276)
	for i := range packet {
		packet[i] = byte(rand.Uint32())
	}
	packet[0] = 31 << 3
	return packet
}
