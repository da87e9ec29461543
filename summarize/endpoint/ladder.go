package endpoint

import (
	"encoding/json"
	"sync/atomic"
)

// rung is how the form of an answer is asked for. All forms are described in the prompt as well.
type rung int32

const (
	schemaRung rung = iota // by a JSON schema that the server enforces
	objectRung             // as any JSON object
	plainRung              // by the prompt alone
)

// form is what an answer must look like.
type form struct {
	name   string
	schema json.RawMessage
}

// responseFormat is the field response_format of a request; nil: none.
func (f form) responseFormat(r rung) any {
	switch r {
	case schemaRung:
		return map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": f.name, "schema": f.schema}}
	case objectRung:
		return map[string]any{"type": "json_object"}
	}
	return nil
}

// ladder remembers how far down a server has to be asked.
type ladder struct{ known atomic.Int32 }

func (l *ladder) rung(down int) rung { return min(rung(l.known.Load())+rung(down), plainRung) }

// stepDown goes one down from r for good. false: there is none below.
func (l *ladder) stepDown(r rung) bool {
	if r >= plainRung {
		l.known.Store(int32(schemaRung)) // the form was not the reason
		return false
	}
	l.worked(r + 1)
	return true
}

// worked remembers that answers were good at r only, after one further up was not.
func (l *ladder) worked(r rung) {
	if known := l.known.Load(); int32(r) > known {
		l.known.CompareAndSwap(known, int32(r))
	}
}
