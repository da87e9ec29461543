package embed

import (
	"context"
	"fmt"
	"strings"

	"github.com/rclone/gofakes3"
	"go.etcd.io/bbolt"
)

// ListBucket returns one page of keys, sorted, with the keys that share the part up to the delimiter folded into one
// common prefix. An empty delimiter means none: minio-go sends it that way.
func (b *s3Backend) ListBucket(_ context.Context, bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	l := lister{max: page.MaxKeys, marker: page.Marker, list: gofakes3.NewObjectList()}
	if prefix != nil {
		l.prefix, l.delimiter = prefix.Prefix, prefix.Delimiter
	}
	err := b.db.View(func(tx *bbolt.Tx) error {
		objects, err := objectsOf(tx, bucket)
		if err != nil {
			return err
		}
		return l.walk(objects.Cursor())
	})
	if err != nil {
		return nil, err
	}
	return l.list, nil
}

// lister collects one page.
type lister struct {
	prefix, delimiter, marker string
	max                       int64 // 0: no limit

	list *gofakes3.ObjectList
	last string // key or common prefix last added
	n    int64
}

// walk moves the cursor over the page. Keys are compared as bytes, which is the order S3 demands.
func (l *lister) walk(c *bbolt.Cursor) error {
	key, value := c.Seek([]byte(max(l.prefix, l.marker)))
	for key != nil && strings.HasPrefix(string(key), l.prefix) {
		name := string(key)
		common := l.common(name)
		// A marker that is a common prefix stands for every key under it: they were on the page before.
		if l.marker != "" && (name <= l.marker || common != "" && common <= l.marker) {
			key, value = l.next(c, common)
			continue
		}
		if l.max > 0 && l.n == l.max {
			l.list.IsTruncated, l.list.NextMarker = true, l.last
			return nil
		}
		if err := l.add(name, common, value); err != nil {
			return err
		}
		key, value = l.next(c, common)
	}
	return nil
}

// common returns the prefix under which key is folded, "" if it is listed itself.
func (l *lister) common(key string) string {
	if l.delimiter == "" {
		return ""
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(l.prefix)+i+len(l.delimiter)]
}

// next moves to the following key, or past everything under common.
func (l *lister) next(c *bbolt.Cursor, common string) (key, value []byte) {
	if common == "" {
		return c.Next()
	}
	// Keys are valid UTF-8, so the byte 0xff sorts after all of them.
	return c.Seek(append([]byte(common), 0xff))
}

func (l *lister) add(key, common string, value []byte) error {
	l.n++
	if common != "" {
		l.last = common
		l.list.AddPrefix(common)
		return nil
	}
	record, err := decodeS3Record(value)
	if err != nil {
		return fmt.Errorf("object %s: %w", key, err)
	}
	l.last = key
	l.list.Add(&gofakes3.Content{
		Key:          key,
		LastModified: gofakes3.NewContentTime(record.Time),
		ETag:         quoted(record.MD5),
		Size:         record.Size,
	})
	return nil
}
