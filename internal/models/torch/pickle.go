package torch

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// Bounds of what a pickle may ask for. The real checkpoint stays below a tenth of each.
const (
	maxInstructions = 100_000
	maxStack        = 10_000
	maxText         = 1024 // bytes of a string or name
)

// The values on the stack are: nil, bool, int64, float64, string, tuple, *list, *dict, global, storage and *tensor.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ items map[string]any } // entries whose key is no string are dropped: nothing here needs them
	global string                         // a name that REDUCE may use
	marker struct{}
)

// storage is numbers that stand behind the pickles.
type storage struct {
	key   string
	count int64
}

// tensor is a view of a storage. Only those that are whole and in order are accepted later.
type tensor struct {
	storage
	offset         int64
	shape, strides []int64
}

// Names that may stand in a checkpoint. Nothing of the kind is ever called: they say what the values after them mean.
const (
	orderedDict   global = "collections OrderedDict"
	rebuildTensor global = "torch._utils _rebuild_tensor_v2"
	floatStorage  global = "torch FloatStorage"
)

// described are names of objects that tell about a checkpoint. What they are is passed over.
var described = map[global]bool{
	"torch.torch_version TorchVersion":        true,
	"pyannote.audio.core.task Specifications": true,
	"pyannote.audio.core.task Problem":        true,
	"pyannote.audio.core.task Resolution":     true,
}

// passedOver stands for an object of a described name.
type passedOver struct{}

// unpickler reads one pickle of protocol 2.
type unpickler struct {
	in    *bytes.Reader
	stack []any
	memo  map[uint32]any
}

// unpickle returns the value of the pickle that in stands at, and leaves in behind it.
func unpickle(in *bytes.Reader) (any, error) {
	u := &unpickler{in: in, memo: map[uint32]any{}}
	for range maxInstructions {
		op, err := in.ReadByte()
		if err != nil {
			return nil, formatError("the pickle has no end")
		}
		if op == '.' {
			return u.result()
		}
		if err := u.step(op); err != nil {
			return nil, err
		}
		if len(u.stack) > maxStack {
			return nil, formatError("too many values at once")
		}
	}
	return nil, formatError("too many instructions")
}

func (u *unpickler) result() (any, error) {
	if len(u.stack) != 1 {
		return nil, formatError("a pickle of %d values", len(u.stack))
	}
	return u.stack[0], nil
}

// step executes one instruction; see Python's pickletools for what each means.
func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		if version, err := u.number(1); err != nil || version != 2 {
			return formatError("pickle protocol %d", version)
		}
		return nil
	case '(': // MARK
		return u.push(marker{})
	case '}': // EMPTY_DICT
		return u.push(&dict{map[string]any{}})
	case ']': // EMPTY_LIST
		return u.push(&list{})
	case ')': // EMPTY_TUPLE
		return u.push(tuple{})
	case 'N': // NONE
		return u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return u.push(op == 0x88)
	case 'K', 'M', 'J', 'G', 0x8a: // BININT1, BININT2, BININT, BINFLOAT, LONG1
		return u.constant(op)
	case 'X': // BINUNICODE
		return u.text()
	case 'c': // GLOBAL
		return u.name()
	case 'q', 'r', 'h', 'j': // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
		return u.remember(op)
	}
	return u.combine(op)
}

// combine executes an instruction that takes values from the stack.
func (u *unpickler) combine(op byte) error {
	switch op {
	case 't': // TUPLE
		items, err := u.sinceMark()
		if err != nil {
			return err
		}
		return u.push(tuple(items))
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		items, err := u.pop(int(op - 0x84))
		if err != nil {
			return err
		}
		return u.push(tuple(items))
	case 'a', 'e': // APPEND, APPENDS
		return u.appendItems(op == 'e')
	case 's', 'u': // SETITEM, SETITEMS
		return u.setItems(op == 'u')
	case 'R', 0x81: // REDUCE, NEWOBJ
		return u.reduce()
	case 'Q': // BINPERSID
		return u.persistent()
	case 'b': // BUILD: attributes of a dictionary, which nothing here needs
		_, err := u.pop(1)
		return err
	}
	return formatError("pickle instruction %#x, which no checkpoint of tensors needs", op)
}

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return nil
}

// pop takes the last n values, in their order; no marker is among them.
func (u *unpickler) pop(n int) ([]any, error) {
	at := len(u.stack) - n
	if at < 0 {
		return nil, formatError("a value is missing")
	}
	items := slices.Clone(u.stack[at:])
	if slices.ContainsFunc(items, isMarker) {
		return nil, formatError("a value is missing")
	}
	u.stack = u.stack[:at]
	return items, nil
}

func isMarker(v any) bool { _, is := v.(marker); return is }

// sinceMark takes the values behind the last marker, and the marker.
func (u *unpickler) sinceMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if isMarker(u.stack[i]) {
			items := slices.Clone(u.stack[i+1:])
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, formatError("a mark is missing")
}

// number reads n bytes, little endian.
func (u *unpickler) number(n int) (uint64, error) {
	var b [8]byte
	for i := range n {
		c, err := u.in.ReadByte()
		if err != nil {
			return 0, formatError("the pickle ends within a number")
		}
		b[i] = c
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

func (u *unpickler) constant(op byte) error {
	size := map[byte]int{'K': 1, 'M': 2, 'J': 4, 'G': 8}[op]
	if op == 0x8a {
		n, err := u.number(1)
		if err != nil {
			return err
		}
		if n > 8 { // the file's own magic number has ten bytes; it is compared elsewhere
			return u.skipLong(int(n))
		}
		size = int(n)
	}
	v, err := u.number(size)
	switch {
	case err != nil:
		return err
	case op == 'J':
		return u.push(int64(int32(v)))
	case op == 'G': // the only big-endian one
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(binary.LittleEndian.AppendUint64(nil, v))))
	}
	return u.push(int64(v))
}

// skipLong reads an integer of more than 8 bytes as its digits.
func (u *unpickler) skipLong(n int) error {
	b, err := u.bytes(n)
	if err != nil {
		return err
	}
	return u.push(string(b))
}

func (u *unpickler) bytes(n int) ([]byte, error) {
	if n > maxText || n > u.in.Len() {
		return nil, formatError("a text of %d bytes", n)
	}
	b := make([]byte, n)
	_, _ = u.in.Read(b) // n bytes are there
	return b, nil
}

func (u *unpickler) text() error {
	n, err := u.number(4)
	if err != nil {
		return err
	}
	b, err := u.bytes(int(min(n, maxText+1)))
	if err != nil {
		return err
	}
	return u.push(string(b))
}

// name reads a module and a name, each with a line end behind it.
func (u *unpickler) name() error {
	var both [2]string
	for i := range both {
		for {
			c, err := u.in.ReadByte()
			if err != nil || len(both[i]) > maxText {
				return formatError("a name has no end")
			}
			if c == '\n' {
				break
			}
			both[i] += string(rune(c))
		}
	}
	g := global(both[0] + " " + both[1])
	if g != orderedDict && g != rebuildTensor && g != floatStorage && !described[g] {
		return formatError("the name %q, which no checkpoint of float tensors needs", string(g))
	}
	return u.push(g)
}

func (u *unpickler) remember(op byte) error {
	size := 1
	if op == 'r' || op == 'j' {
		size = 4
	}
	n, err := u.number(size)
	if err != nil {
		return err
	}
	if op == 'h' || op == 'j' {
		v, known := u.memo[uint32(n)]
		if !known {
			return formatError("memory %d is empty", n)
		}
		return u.push(v)
	}
	if len(u.stack) == 0 || isMarker(u.stack[len(u.stack)-1]) {
		return formatError("nothing to remember")
	}
	u.memo[uint32(n)] = u.stack[len(u.stack)-1]
	return nil
}

func (u *unpickler) appendItems(many bool) error {
	items, err := u.taken(many, 1)
	if err != nil {
		return err
	}
	l, is := u.top().(*list)
	if !is {
		return formatError("something is appended to no list")
	}
	if len(l.items)+len(items) > maxStack {
		return formatError("a list of too many items")
	}
	l.items = append(l.items, items...)
	return nil
}

func (u *unpickler) setItems(many bool) error {
	items, err := u.taken(many, 2)
	if err != nil {
		return err
	}
	d, is := u.top().(*dict)
	if !is || len(items)%2 != 0 {
		return formatError("entries of no dictionary")
	}
	for i := 0; i < len(items); i += 2 {
		if key, is := items[i].(string); is {
			d.items[key] = items[i+1]
		}
	}
	return nil
}

// taken are the values behind the mark, or n of them.
func (u *unpickler) taken(many bool, n int) ([]any, error) {
	if many {
		return u.sinceMark()
	}
	return u.pop(n)
}

func (u *unpickler) top() any {
	if len(u.stack) == 0 {
		return nil
	}
	return u.stack[len(u.stack)-1]
}

// reduce makes what a name and its arguments describe: an empty dictionary, a tensor, or nothing that is needed.
func (u *unpickler) reduce() error {
	both, err := u.pop(2)
	if err != nil {
		return err
	}
	args, _ := both[1].(tuple)
	switch both[0] {
	case orderedDict:
		if len(args) == 0 {
			return u.push(&dict{map[string]any{}})
		}
	case rebuildTensor:
		if t := asTensor(args); t != nil {
			return u.push(t)
		}
	}
	if g, is := both[0].(global); is && described[g] {
		return u.push(passedOver{})
	}
	return formatError("a value that is neither a dictionary nor a tensor")
}

// asTensor reads storage, offset, shape, strides, requires_grad and hooks; nil if they are not these.
func asTensor(args tuple) *tensor {
	if len(args) != 6 {
		return nil
	}
	s, isStorage := args[0].(storage)
	offset, isNumber := args[1].(int64)
	shape, strides := integers(args[2]), integers(args[3])
	if !isStorage || !isNumber || shape == nil || len(shape) != len(strides) {
		return nil
	}
	return &tensor{s, offset, shape, strides}
}

// integers returns a tuple's; nil if it is none.
func integers(v any) []int64 {
	t, is := v.(tuple)
	if !is {
		return nil
	}
	out := make([]int64, len(t))
	for i, item := range t {
		n, is := item.(int64)
		if !is {
			return nil
		}
		out[i] = n
	}
	return out
}

// persistent reads ("storage", kind, key, device, count) as a storage; the first format has a view behind it.
func (u *unpickler) persistent() error {
	one, err := u.pop(1)
	if err != nil {
		return err
	}
	t, _ := one[0].(tuple)
	if len(t) == 6 && t[5] == nil {
		t = t[:5]
	}
	if len(t) != 5 || t[0] != "storage" || t[1] != floatStorage {
		return formatError("a storage that holds no float32")
	}
	key, isText := t[2].(string)
	count, isNumber := t[4].(int64)
	if !isText || !isNumber || count < 0 {
		return formatError("a storage without a key or size")
	}
	return u.push(storage{key, count})
}
