package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/searcher"
	bleve "github.com/blevesearch/bleve_index_api"

	"souffleur/internal/meeting"
)

// Fields of what the engine keeps. Segments have the ID "meeting/segment", the state of a meeting has the meeting's.
const (
	wordField    = "w" // blind words of a segment
	meetingField = "m" // meeting of a segment; stateMark for a state
	stateField   = "s" // a state, stored
)

// stateMark stands in the meeting field of states; it is no meeting's ID.
const stateMark = "-"

// state is what the index knows of a meeting. It holds nothing readable: opaque IDs, codes of languages, a hash.
type state struct {
	Room  meeting.RoomID `json:"room"`
	Mark  string         `json:"mark"` // of the transcript that is indexed (storage.Transcripts.Mark); "": to be read again
	Sum   string         `json:"sum"`  // of what is indexed, see [prints.sum]
	Final bool           `json:"final,omitempty"`
	Langs []string       `json:"langs,omitempty"` // languages by whose rules its segments are searched
}

// engine is the index on disk: the part that knows Bleve. Its methods may run side by side, but not with close.
type engine struct {
	scorch *scorch.Scorch
	queue  *bleve.AnalysisQueue
	unseal func()
}

// analysts is how many segments are analysed at once; the rest of the machine is for speech.
const analysts = 2

// openEngine opens the index in dir, or makes one if dir is empty; key seals its files. Damage is an error, never a panic.
func openEngine(dir string, key []byte) (e *engine, err error) {
	if err := removeDamaged(dir); err != nil {
		return nil, err
	}
	unseal := sealFiles(dir, key)
	queue := bleve.NewAnalysisQueue(analysts)
	defer func() {
		// The library trusts its files, its database panics on damaged pages, and so does closing what opened half.
		if r := recover(); r != nil {
			e, err = nil, fmt.Errorf("open search index: %v", r)
		}
		if err != nil {
			queue.Close()
			unseal()
		}
	}()
	opened, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path": dir,
		// This process has the folder for itself; what still holds the file is a process that is being killed.
		"bolt_timeout":       "10s",
		"numSnapshotsToKeep": 1,
	}, queue)
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	if err := opened.Open(); err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	return &engine{opened.(*scorch.Scorch), queue, unseal}, nil
}

// removeDamaged removes segment files whose checksum is wrong. The library does not look at it when it opens a file. One
// that was being written when the process was killed is not missed; without another the index does not open.
func removeDamaged(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.zap"))
	if err != nil {
		return fmt.Errorf("list search index: %w", err)
	}
	for _, file := range files {
		whole, err := isWhole(file)
		if err != nil {
			return fmt.Errorf("check search index: %w", err)
		}
		if !whole {
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("remove damaged file of search index: %w", err)
			}
		}
	}
	return nil
}

// isWhole compares a segment file with the CRC-32 in its last four bytes.
// https://github.com/blevesearch/zapx/blob/master/zap.md (footer)
func isWhole(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() < crc32.Size {
		return false, err
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyN(sum, file, info.Size()-crc32.Size); err != nil {
		return false, err
	}
	var want [crc32.Size]byte
	if _, err := io.ReadFull(file, want[:]); err != nil {
		return false, err
	}
	return binary.BigEndian.Uint32(want[:]) == sum.Sum32(), nil
}

func (e *engine) close() error {
	err := e.scorch.Close()
	e.queue.Close()
	e.unseal()
	return err
}

// change is a set of changes that become visible, and durable, at once.
type change struct{ batch *bleve.Batch }

func newChange() change { return change{bleve.NewBatch()} }

func segmentKey(id meeting.ID, segment meeting.SegmentID) string {
	return string(id) + "/" + string(segment)
}

// put adds a segment, replacing the one of that ID.
func (c change) put(id meeting.ID, segment meeting.SegmentID, text string, words analysis.Analyzer) {
	doc := document.NewDocument(segmentKey(id, segment))
	const indexed = bleve.IndexField | bleve.SkipFreqNorm
	doc.AddField(document.NewTextFieldCustom(wordField, nil, []byte(text), indexed, words))
	doc.AddField(document.NewTextFieldWithIndexingOptions(meetingField, nil, []byte(id), indexed))
	c.batch.Update(doc)
}

// putState adds what is known of a meeting.
func (c change) putState(id meeting.ID, s state) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state of search index: %w", err)
	}
	doc := document.NewDocument(string(id))
	doc.AddField(document.NewTextFieldWithIndexingOptions(meetingField, nil, []byte(stateMark), bleve.IndexField|bleve.SkipFreqNorm))
	doc.AddField(document.NewTextFieldWithIndexingOptions(stateField, nil, body, bleve.StoreField))
	c.batch.Update(doc)
	return nil
}

// size is how many documents are changed.
func (c change) size() int { return len(c.batch.IndexOps) }

func (c change) remove(key string) { c.batch.Delete(key) }

// apply makes a change durable.
func (e *engine) apply(c change) error {
	if err := e.scorch.Batch(c.batch); err != nil {
		return fmt.Errorf("write search index: %w", err)
	}
	return nil
}

// maxPasses bounds compact: one pass merges ten files into one, so more are needed only beside other changes.
const maxPasses = 10

// compact writes the index anew, without what was removed.
func (e *engine) compact(ctx context.Context) error {
	// The library leaves a single file alone, whatever was removed of it: this makes a second one.
	c := newChange()
	c.batch.Update(document.NewDocument(compactionKey))
	if err := e.apply(c); err != nil {
		return err
	}
	for range maxPasses {
		if err := e.scorch.ForceMerge(ctx, nil); err != nil {
			return fmt.Errorf("compact search index: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.files() <= 1 {
			return nil
		}
	}
	return errors.New("compact search index: too many changes meanwhile")
}

// compactionKey names a document without content; it is no meeting's ID.
const compactionKey = "-"

// files is how many files the index has now.
func (e *engine) files() int {
	reader, err := e.scorch.Reader()
	if err != nil {
		return 0
	}
	defer reader.Close()
	return len(reader.(*scorch.IndexSnapshot).Segments())
}

// hasRemoved says whether files still hold entries that were removed or replaced.
func (e *engine) hasRemoved() bool {
	reader, err := e.scorch.Reader()
	if err != nil {
		return false
	}
	defer reader.Close()
	for _, file := range reader.(*scorch.IndexSnapshot).Segments() {
		if file.FullSize() != file.LiveSize() {
			return true
		}
	}
	return false
}

// view is the index as it is at one moment. Close it.
type view struct{ bleve.IndexReader }

func (e *engine) view() (view, error) {
	reader, err := e.scorch.Reader()
	if err != nil {
		return view{}, fmt.Errorf("read search index: %w", err)
	}
	return view{reader}, nil
}

// plain makes searchers that only say which documents match.
var plain = search.SearcherOptions{Score: "none"}

// matching returns the documents that have all terms of a field. No terms match nothing.
func (v view) matching(ctx context.Context, field string, terms ...[]byte) ([]bleve.IndexInternalID, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	all := make([]search.Searcher, 0, len(terms))
	closeAll := func() {
		for _, s := range all {
			_ = s.Close() // reading: nothing is lost
		}
	}
	for _, term := range terms {
		s, err := searcher.NewTermSearcherBytes(ctx, v, term, field, 1, plain)
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("read search index: %w", err)
		}
		all = append(all, s)
	}
	found := all[0]
	if len(all) > 1 {
		var err error
		if found, err = searcher.NewConjunctionSearcher(ctx, v, all, plain); err != nil {
			closeAll()
			return nil, fmt.Errorf("read search index: %w", err)
		}
	}
	defer found.Close()
	return drain(ctx, v, found)
}

func drain(ctx context.Context, v view, found search.Searcher) ([]bleve.IndexInternalID, error) {
	pool := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(found.DocumentMatchPoolSize()+1, 0), IndexReader: v}
	var ids []bleve.IndexInternalID
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		match, err := found.Next(pool)
		if err != nil {
			return nil, fmt.Errorf("read search index: %w", err)
		}
		if match == nil {
			return ids, nil
		}
		ids = append(ids, bytes.Clone(match.IndexInternalID))
		pool.DocumentMatchPool.Put(match)
	}
}

// keys returns the IDs of documents.
func (v view) keys(ids []bleve.IndexInternalID) ([]string, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		var err error
		if keys[i], err = v.ExternalID(id); err != nil {
			return nil, fmt.Errorf("read search index: %w", err)
		}
	}
	return keys, nil
}

// segments returns the keys of all segments of a meeting.
func (v view) segments(ctx context.Context, id meeting.ID) ([]string, error) {
	ids, err := v.matching(ctx, meetingField, []byte(id))
	if err != nil {
		return nil, err
	}
	return v.keys(ids)
}

// errDamaged says that the index holds what this version never wrote.
var errDamaged = errors.New("search index is damaged")

// states returns what is known of all meetings.
func (v view) states(ctx context.Context) (map[meeting.ID]state, error) {
	ids, err := v.matching(ctx, meetingField, []byte(stateMark))
	if err != nil {
		return nil, err
	}
	keys, err := v.keys(ids)
	if err != nil {
		return nil, err
	}
	all := make(map[meeting.ID]state, len(keys))
	for _, key := range keys {
		s, err := v.state(key)
		if err != nil {
			return nil, err
		}
		all[meeting.ID(key)] = s
	}
	return all, nil
}

func (v view) state(key string) (s state, err error) {
	doc, err := v.Document(key)
	if err != nil {
		return s, fmt.Errorf("read search index: %w", err)
	}
	if doc == nil {
		return s, errDamaged
	}
	found := false
	doc.VisitFields(func(f bleve.Field) {
		if f.Name() == stateField {
			found = json.Unmarshal(f.Value(), &s) == nil
		}
	})
	if !found || !meeting.ID(key).Valid() {
		return s, errDamaged
	}
	return s, nil
}
