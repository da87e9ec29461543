package embed_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"souffleur/internal/embed"
	"souffleur/internal/s3test"
)

const bucket = "test"

// connect returns a client like the one of package storage, with its bucket made.
func connect(t testing.TB, server s3test.Server) minio.Core {
	t.Helper()
	transport, err := minio.DefaultTransport(false)
	must(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	core, err := minio.NewCore(server.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: "us-east-1",
		BucketLookup: minio.BucketLookupPath, MaxRetries: 1, Transport: transport,
	})
	must(t, err)
	exists, err := core.BucketExists(t.Context(), bucket)
	must(t, err)
	if !exists {
		must(t, core.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}))
	}
	return *core
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, dir string) *embed.S3 {
	t.Helper()
	store, err := embed.StartS3(t.Context(), embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func serverOf(s *embed.S3) s3test.Server {
	return s3test.Server{Endpoint: s.Endpoint(), AccessKey: s.AccessKey(), SecretKey: s.SecretKey()}
}

func put(t testing.TB, core minio.Core, key string, body []byte) {
	t.Helper()
	_, err := core.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{DisableMultipart: true})
	must(t, err)
}

func get(ctx context.Context, core minio.Core, key string, opts minio.GetObjectOptions) ([]byte, error) {
	r, _, _, err := core.GetObject(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// TestProtocol is what Souffleur asks of every object store.
func TestProtocol(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server s3test.Server) {
		core := connect(t, server)
		for _, c := range []struct {
			name string
			run  func(*testing.T, minio.Core, s3test.Server)
		}{
			{"bodies of all sizes come back", testBodies},
			{"12 MiB in parts come back equal", testMultipart},
			{"parts may come in any order and be replaced", testPartOrder},
			{"an upload can be conditional and aborted", testUploadConditions},
			{"ranges", testRanges},
			{"presigned addresses work until they are changed or expire", testPresigned},
			{"32 writers have one winner", testOneWinner},
			{"conditions", testConditions},
			{"copy and bulk delete", testCopyAndDelete},
			{"unsigned and wrongly signed requests are refused", testRefusals},
			{"listing folds at the delimiter and pages", testPages},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(t, core, server) })
		}
	})
}

func testBodies(t *testing.T, core minio.Core, _ s3test.Server) {
	for _, size := range []int{0, 1, 4 << 10, 64 << 10, 64<<10 + 1, 300 << 10, 5 << 20} {
		key, body := fmt.Sprintf("size/%d", size), random(size)
		put(t, core, key, body)
		back, err := get(t.Context(), core, key, minio.GetObjectOptions{})
		must(t, err)
		if !bytes.Equal(back, body) {
			t.Errorf("%d bytes came back as %d others", size, len(back))
		}
		info, err := core.StatObject(t.Context(), bucket, key, minio.StatObjectOptions{})
		must(t, err)
		if info.Size != int64(size) || time.Since(info.LastModified) > time.Hour {
			t.Errorf("stat of %d bytes says %d, %v", size, info.Size, info.LastModified)
		}
	}
	// An unknown size: the client sends it in parts.
	body := random(100 << 10)
	_, err := core.Client.PutObject(t.Context(), bucket, "size/unknown", io.MultiReader(bytes.NewReader(body)), -1, minio.PutObjectOptions{PartSize: 5 << 20})
	must(t, err)
	if back, err := get(t.Context(), core, "size/unknown", minio.GetObjectOptions{}); err != nil || !bytes.Equal(back, body) {
		t.Errorf("body of unknown size: %d bytes, %v", len(back), err)
	}
}

func testMultipart(t *testing.T, core minio.Core, _ s3test.Server) {
	body := random(12 << 20)
	info, err := core.Client.PutObject(t.Context(), bucket, "large", bytes.NewReader(body), int64(len(body)),
		minio.PutObjectOptions{PartSize: 5 << 20, UserMetadata: map[string]string{"Kind": "test"}})
	must(t, err)
	back, err := get(t.Context(), core, "large", minio.GetObjectOptions{})
	must(t, err)
	if !bytes.Equal(back, body) {
		t.Fatal("the parts came back as something else")
	}
	stat, err := core.StatObject(t.Context(), bucket, "large", minio.StatObjectOptions{})
	must(t, err)
	if stat.ETag != info.ETag || stat.UserMetadata["Kind"] != "test" {
		t.Errorf("stat says %q and %v, upload said %q", stat.ETag, stat.UserMetadata, info.ETag)
	}
}

func testPartOrder(t *testing.T, core minio.Core, _ s3test.Server) {
	const part = 5 << 20
	id, err := core.NewMultipartUpload(t.Context(), bucket, "ordered", minio.PutObjectOptions{})
	must(t, err)
	first, second := random(part), random(1000)
	send := func(n int, body []byte) minio.CompletePart {
		p, err := core.PutObjectPart(t.Context(), bucket, "ordered", id, n, bytes.NewReader(body), int64(len(body)), minio.PutObjectPartOptions{})
		must(t, err)
		return minio.CompletePart{PartNumber: n, ETag: p.ETag}
	}
	two := send(2, second)
	stale := send(1, random(part))
	one := send(1, first)
	complete := func(parts ...minio.CompletePart) error {
		_, err := core.CompleteMultipartUpload(t.Context(), bucket, "ordered", id, parts, minio.PutObjectOptions{})
		return err
	}
	if err := complete(stale, two); err == nil {
		t.Error("a part that was replaced was accepted")
	}
	if err := complete(two, one); err == nil {
		t.Error("parts in the wrong order were accepted")
	}
	must(t, complete(one, two))
	if back, err := get(t.Context(), core, "ordered", minio.GetObjectOptions{}); err != nil || !bytes.Equal(back, append(first, second...)) {
		t.Errorf("came back as %d bytes, %v", len(back), err)
	}
}

func testUploadConditions(t *testing.T, core minio.Core, _ s3test.Server) {
	put(t, core, "taken", []byte("first"))
	id, err := core.NewMultipartUpload(t.Context(), bucket, "taken", minio.PutObjectOptions{})
	must(t, err)
	p, err := core.PutObjectPart(t.Context(), bucket, "taken", id, 1, strings.NewReader("second"), 6, minio.PutObjectPartOptions{})
	must(t, err)
	var once minio.PutObjectOptions
	once.SetMatchETagExcept("*")
	_, err = core.CompleteMultipartUpload(t.Context(), bucket, "taken", id, []minio.CompletePart{{PartNumber: 1, ETag: p.ETag}}, once)
	if code := minio.ToErrorResponse(err).Code; code != "PreconditionFailed" {
		t.Errorf("upload over an object that must not be there: %v", err)
	}
	must(t, core.AbortMultipartUpload(t.Context(), bucket, "taken", id))
	if _, err := core.PutObjectPart(t.Context(), bucket, "taken", id, 2, strings.NewReader("x"), 1, minio.PutObjectPartOptions{}); err == nil {
		t.Error("an aborted upload took another part")
	}
	if back, err := get(t.Context(), core, "taken", minio.GetObjectOptions{}); err != nil || string(back) != "first" {
		t.Errorf("the object is %q, %v", back, err)
	}
}

func testRanges(t *testing.T, core minio.Core, _ s3test.Server) {
	for _, size := range []int{1000, 200 << 10} { // inline and as a file
		body := random(size)
		put(t, core, "range", body)
		for _, c := range []struct{ from, to, first, end int }{
			{0, 9, 0, 10}, {100, 0, 100, size}, {0, -7, size - 7, size}, {size - 1, size - 1, size - 1, size},
		} {
			var opts minio.GetObjectOptions
			must(t, opts.SetRange(int64(c.from), int64(c.to)))
			back, err := get(t.Context(), core, "range", opts)
			if err != nil || !bytes.Equal(back, body[c.first:c.end]) {
				t.Errorf("range %d to %d of %d: %d bytes, %v", c.from, c.to, size, len(back), err)
			}
		}
		var opts minio.GetObjectOptions
		must(t, opts.SetRange(int64(size), int64(size)+5))
		if _, err := get(t.Context(), core, "range", opts); minio.ToErrorResponse(err).Code != "InvalidRange" {
			t.Errorf("range beyond the end: %v", err)
		}
	}
}

func testPresigned(t *testing.T, core minio.Core, _ s3test.Server) {
	put(t, core, "shared", []byte("for a while"))
	good, err := core.PresignedGetObject(t.Context(), bucket, "shared", time.Minute, nil)
	must(t, err)
	short, err := core.PresignedGetObject(t.Context(), bucket, "shared", time.Second, nil)
	must(t, err)
	upload, err := core.PresignedPutObject(t.Context(), bucket, "sent", time.Minute)
	must(t, err)
	shortUpload, err := core.PresignedPutObject(t.Context(), bucket, "late", time.Second)
	must(t, err)
	tampered := *good
	tampered.Path = strings.Replace(tampered.Path, "shared", "size/1", 1)

	if status, body := request(t, http.MethodGet, good, ""); status != http.StatusOK || body != "for a while" {
		t.Errorf("presigned get answers %d, %q", status, body)
	}
	if status, _ := request(t, http.MethodGet, &tampered, ""); status != http.StatusForbidden {
		t.Errorf("an address for another object answers %d", status)
	}
	if status, _ := request(t, http.MethodPut, good, "x"); status != http.StatusForbidden {
		t.Errorf("an address for reading lets write: %d", status)
	}
	if status, _ := request(t, http.MethodPut, upload, "hello"); status != http.StatusOK {
		t.Errorf("presigned put answers %d", status)
	}
	if body, err := get(t.Context(), core, "sent", minio.GetObjectOptions{}); string(body) != "hello" {
		t.Errorf("sent object is %q, %v", body, err)
	}
	elsewhere, forged := *upload, *upload
	elsewhere.Path = strings.Replace(elsewhere.Path, "sent", "shared", 1)
	forged.RawQuery = strings.Replace(forged.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=6000", 1)
	for what, address := range map[string]*url.URL{"to another object": &elsewhere, "for longer": &forged} {
		if status, _ := request(t, http.MethodPut, address, "x"); status != http.StatusForbidden {
			t.Errorf("an address that was changed to write %s answers %d", what, status)
		}
	}
	eventually(t, "the short addresses expire", func() bool {
		get, _ := request(t, http.MethodGet, short, "")
		put, _ := request(t, http.MethodPut, shortUpload, "late")
		return get == http.StatusForbidden && put == http.StatusForbidden
	})
}

func request(t testing.TB, method string, address *url.URL, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address.String(), strings.NewReader(body))
	must(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func testOneWinner(t *testing.T, core minio.Core, _ s3test.Server) {
	for _, size := range []int{10, 100 << 10} { // inline and as a file
		key := fmt.Sprintf("won/%d", size)
		var mu sync.Mutex
		var winners []byte
		var work sync.WaitGroup
		for i := range 32 {
			work.Go(func() {
				var once minio.PutObjectOptions
				once.SetMatchETagExcept("*")
				once.DisableMultipart = true
				body := bytes.Repeat([]byte{byte(i)}, size)
				_, err := core.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(size), once)
				if err == nil {
					mu.Lock()
					winners = append(winners, byte(i))
					mu.Unlock()
				} else if status := minio.ToErrorResponse(err).StatusCode; status != http.StatusPreconditionFailed && status != http.StatusConflict {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		work.Wait()
		body, err := get(t.Context(), core, key, minio.GetObjectOptions{})
		must(t, err)
		if len(winners) != 1 || len(body) != size || body[0] != winners[0] {
			t.Errorf("winners %v, object of %d bytes", winners, len(body))
		}
	}
}

func testConditions(t *testing.T, core minio.Core, _ s3test.Server) {
	put(t, core, "cond", []byte("one"))
	info, err := core.StatObject(t.Context(), bucket, "cond", minio.StatObjectOptions{})
	must(t, err)
	write := func(key, etag, body string) string {
		var opts minio.PutObjectOptions
		opts.SetMatchETag(etag)
		opts.DisableMultipart = true
		_, err := core.Client.PutObject(t.Context(), bucket, key, strings.NewReader(body), int64(len(body)), opts)
		return minio.ToErrorResponse(err).Code
	}
	if code := write("cond", info.ETag, "two"); code != "" {
		t.Errorf("update with the right ETag: %s", code)
	}
	if code := write("cond", info.ETag, "three"); code != "PreconditionFailed" {
		t.Errorf("update with an old ETag: %s", code)
	}
	if code := write("nothing", info.ETag, "x"); code == "" {
		t.Error("an object that is not there was updated")
	}
}

func testCopyAndDelete(t *testing.T, core minio.Core, _ s3test.Server) {
	for _, size := range []int{100, 100 << 10} {
		body := random(size)
		put(t, core, "from", body)
		_, err := core.Client.CopyObject(t.Context(), minio.CopyDestOptions{Bucket: bucket, Object: "to"}, minio.CopySrcOptions{Bucket: bucket, Object: "from"})
		must(t, err)
		must(t, core.RemoveObject(t.Context(), bucket, "from", minio.RemoveObjectOptions{}))
		if back, err := get(t.Context(), core, "to", minio.GetObjectOptions{}); err != nil || !bytes.Equal(back, body) {
			t.Errorf("copy of %d bytes: %d, %v", size, len(back), err)
		}
	}
	doomed := make(chan minio.ObjectInfo, 3)
	for _, key := range []string{"to", "nothing", "from"} {
		doomed <- minio.ObjectInfo{Key: key}
	}
	close(doomed)
	for failed := range core.RemoveObjects(t.Context(), bucket, doomed, minio.RemoveObjectsOptions{}) {
		t.Errorf("delete %s: %v", failed.ObjectName, failed.Err)
	}
	if _, err := get(t.Context(), core, "to", minio.GetObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		t.Errorf("a deleted object: %v", err)
	}
}

func testRefusals(t *testing.T, core minio.Core, server s3test.Server) {
	put(t, core, "secret", []byte("x"))
	address := &url.URL{Scheme: "http", Host: server.Endpoint, Path: "/" + bucket + "/secret"}
	if status, _ := request(t, http.MethodGet, address, ""); status != http.StatusForbidden {
		t.Errorf("an unsigned request answers %d", status)
	}
	wrong, err := minio.NewCore(server.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey, "wrong secret", ""), Region: "us-east-1", MaxRetries: 1,
		Transport: &http.Transport{DisableKeepAlives: true},
	})
	must(t, err)
	if _, err := get(t.Context(), *wrong, "secret", minio.GetObjectOptions{}); minio.ToErrorResponse(err).Code != "SignatureDoesNotMatch" {
		t.Errorf("a wrong secret: %v", err)
	}
}

func testPages(t *testing.T, core minio.Core, _ s3test.Server) {
	want := []string{"l/a", "l/b/", "l/c", "l/d/", "l/e/", "l/é"}
	for _, key := range []string{"l/a", "l/b/1", "l/b/2", "l/b/3/4", "l/c", "l/d/1", "l/e/1", "l/e/2", "l/é", "lz"} {
		put(t, core, key, []byte("x"))
	}
	for _, size := range []int{1, 2, 3, 1000} {
		var got []string
		token := ""
		for range 20 {
			page, err := core.ListObjectsV2(bucket, "l/", "", token, "/", size)
			must(t, err)
			var keys []string
			for _, o := range page.Contents {
				keys = append(keys, o.Key)
			}
			for _, p := range page.CommonPrefixes {
				keys = append(keys, p.Prefix)
			}
			if len(keys) > size {
				t.Errorf("a page of %d has %d keys", size, len(keys))
			}
			got = append(got, keys...)
			if token = page.NextContinuationToken; !page.IsTruncated {
				break
			}
		}
		if !sameKeys(got, want) {
			t.Errorf("pages of %d: %q, want %q", size, got, want)
		}
	}
	page, err := core.ListObjectsV2(bucket, "l/", "l/b/3/4", "", "", 1000)
	must(t, err)
	if len(page.Contents) != 5 || page.Contents[0].Key != "l/c" {
		t.Errorf("listing after a key: %d keys, first %v", len(page.Contents), page.Contents)
	}
}

// sameKeys compares without order: a page tells keys and folders apart.
func sameKeys(a, b []string) bool {
	count := map[string]int{}
	for _, k := range a {
		count[k]++
	}
	for _, k := range b {
		count[k]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
