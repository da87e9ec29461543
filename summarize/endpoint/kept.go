package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// key names the result of a question: equal questions to equal models have one result.
func (w *Writer) key(stage string, q question) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00", promptVersion, stage, w.service.base, w.service.cfg.Model, w.service.cfg.Extra, q.lang)
	for _, m := range q.messages {
		fmt.Fprintf(h, "%d\x00%s\x00", len(m.Content), m.Content)
	}
	return stage + "-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// load reads a kept result into v. Anything that goes wrong is as if nothing were kept: the model is asked.
func (w *Writer) load(ctx context.Context, key string, v any) bool {
	if w.kept == nil {
		return false
	}
	data, err := w.kept.Load(ctx, key)
	return err == nil && len(data) > 0 && json.Unmarshal(data, v) == nil
}

// save keeps a result. A result that cannot be kept is still good: only a restart will have to ask for it again.
func (w *Writer) save(ctx context.Context, key string, v any) {
	if w.kept == nil {
		return
	}
	if data, err := json.Marshal(v); err == nil {
		_ = w.kept.Save(ctx, key, data)
	}
}
