package embed_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/twmb/franz-go/pkg/kgo"

	"souffleur/internal/embed"
)

// smallDisk mounts a file system of its own with that many MiB, or skips the test.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	must(t, os.Mkdir(dir, 0o700))
	if err := mountTmpfs(dir, mib); err != nil {
		t.Skipf("a file system of its own cannot be mounted here (it takes the rights of root): %v", err)
	}
	t.Cleanup(func() { must(t, unmount(dir)) })
	return dir
}

// ballast fills the disk to the last byte and returns what makes room again.
func ballast(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	chunk := make([]byte, 64<<10)
	for len(chunk) > 0 {
		if _, err := file.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else {
			must(t, err)
		}
	}
	return func() { must(t, os.Remove(path)) }
}

func TestAFullDiskStopsTheBrokerFromWritingAndNothingElse(t *testing.T) {
	disk := smallDisk(t, 24)
	config := embed.BrokerConfig{Dir: filepath.Join(disk, "kafka")}
	p, addr := brokerChild(t, config)
	client := kafka(t, addr)
	createTopic(t, client, crashTopic, 1, nil)
	l := &ledger{acked: map[string]int32{}, committed: map[int32]int64{}}
	group := position{"archive", crashTopic}
	n := 0
	write := func() error {
		key := fmt.Sprintf("round-0/partition-0/%06d", n)
		record := &kgo.Record{Topic: crashTopic, Key: []byte(key), Value: bodyOf(key, n)}
		n += 8 // every eighth is large: 70 KiB
		err := client.ProduceSync(t.Context(), record).FirstErr()
		if err == nil {
			l.acked[key] = 0
			err = group.commit(t.Context(), client, 0, record.Offset+1)
			l.committed[0] = record.Offset + 1
		}
		return err
	}
	for range 20 { // more than one file
		must(t, write())
	}
	free := ballast(t, disk)
	var full error
	for range 40 { // until the page in memory is full, too
		if full = write(); full != nil {
			break
		}
	}
	if full == nil {
		t.Fatal("records are acknowledged for which there is no room")
	}
	l.check(t, addr, 1)
	// Positions do not need much room, and torn ones must not hide those that follow.
	for i := range 200 {
		must(t, group.commit(t.Context(), client, 0, int64(i%15)))
	}
	free()
	eventually(t, "records are taken again", func() bool { return write() == nil })
	for range 20 {
		must(t, write())
	}
	l.check(t, addr, 1)
	client.Close()
	p.kill()
	_, addr = brokerChild(t, config)
	l.check(t, addr, 1)
}

func TestANewLogIsNotBegunWhereThereIsNoRoom(t *testing.T) {
	disk := smallDisk(t, 4)
	_, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: filepath.Join(disk, "kafka")}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("started with %v", err)
	}
}

// A broker that finds its disk full must start: old records go only while it runs.
func TestABrokerStartsOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	config := embed.BrokerConfig{Dir: filepath.Join(disk, "kafka")}
	p, addr := brokerChild(t, config)
	createTopic(t, kafka(t, addr), crashTopic, 1, nil)
	p.kill()
	defer ballast(t, disk)()
	_, addr = brokerChild(t, config)
	(&ledger{}).check(t, addr, 1)
}

func TestAFullDiskStopsTheStoreFromWritingAndNothingElse(t *testing.T) {
	disk := smallDisk(t, 24)
	dir := filepath.Join(disk, "s3")
	command, server := child(t, dir)
	core := connect(t, server)
	acked := map[string][]byte{}
	write := func(key string, n int) error {
		body := bodyOf(key, n)
		_, err := core.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{DisableMultipart: true})
		if err == nil {
			acked[key] = body
		}
		return err
	}
	for n := range 40 {
		must(t, write(fmt.Sprintf("round-0/writer-0/%06d", n), n))
	}
	free := ballast(t, disk)
	refused := map[bool]bool{} // by whether the body is a file
	for n := 100; n < 1500 && len(refused) < 2; n++ {
		if err := write(fmt.Sprintf("round-0/writer-0/%06d", n), n); err != nil {
			response := minio.ToErrorResponse(err)
			if response.Code != "XMinioStorageFull" || !strings.Contains(response.Message, "free some space") {
				t.Fatalf("a full disk is answered with %v", err)
			}
			refused[n%8 == 0] = true
		}
	}
	if len(refused) < 2 {
		t.Fatalf("objects are acknowledged for which there is no room: refused %v", refused)
	}
	checkAcked(t, core, acked)
	files, err := os.ReadDir(filepath.Join(dir, "blobs"))
	must(t, err)
	kept := 0
	for _, body := range acked {
		if len(body) > 64<<10 {
			kept++
		}
	}
	if len(files) != kept {
		t.Errorf("%d files for %d large objects: refused ones were left behind", len(files), kept)
	}

	free()
	for n := 2000; n < 2040; n++ {
		must(t, write(fmt.Sprintf("round-0/writer-0/%06d", n), n))
	}
	checkAcked(t, core, acked)
	_ = command.Process.Kill()
	_ = command.Wait()
	_, server = child(t, dir)
	core = connect(t, server)
	checkAcked(t, core, acked)
	checkUnacked(t, core)
}

// An index that is written while the disk is full must open again, also when the process is killed then.
func TestAStoreStartsOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	dir := filepath.Join(disk, "s3")
	command, server := child(t, dir)
	core := connect(t, server)
	put(t, core, "round-0/writer-0/000001", bodyOf("round-0/writer-0/000001", 1))
	free := ballast(t, disk)
	for n := 100; n < 1500; n++ {
		key := fmt.Sprintf("round-0/writer-0/%06d", n)
		body := bodyOf(key, 1)
		if _, err := core.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
			break
		}
	}
	_ = command.Process.Kill()
	_ = command.Wait()
	_, server = child(t, dir)
	core = connect(t, server)
	checkUnacked(t, core)
	free()
	put(t, core, "round-0/writer-0/009999", bodyOf("round-0/writer-0/009999", 1))
}
