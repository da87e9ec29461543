package h264

import (
	"errors"
	"testing"
)

// Parameter sets without their NAL header, as encoders write them.
var (
	sps720 = []byte{0x7A, 0x00, 0x1F, 0xBC, 0xD9, 0x40, 0x50, 0x05, 0xBA, 0x10, 0x00, 0x00, 0x03, 0x00, 0xC0, 0x00, 0x00, 0x2A, 0xE0, 0xF1, 0x83, 0x19, 0x60}
	sps360 = []byte{0x7A, 0x00, 0x1E, 0xBC, 0xD9, 0x40, 0xA0, 0x2F, 0xF8, 0x98, 0x40, 0x00, 0x00, 0x03, 0x01, 0x80, 0x00, 0x00, 0x56, 0x83, 0xC5, 0x8B, 0x65, 0x80}
	sps400 = []byte{0x7A, 0x00, 0x0D, 0xBC, 0xD9, 0x43, 0x43, 0x3E, 0x5E, 0x10, 0x00, 0x00, 0x03, 0x00, 0x60, 0x00, 0x00, 0x15, 0xA0, 0xF1, 0x42, 0x99, 0x60}
)

func nal(kind byte, body ...byte) []byte { return append([]byte{0x60 | kind}, body...) }

// stapA packs units into one payload.
func stapA(units ...[]byte) []byte {
	payload := []byte{0x78}
	for _, u := range units {
		payload = append(payload, byte(len(u)>>8), byte(len(u)))
		payload = append(payload, u...)
	}
	return payload
}

func TestParse(t *testing.T) {
	sps := nal(typeSPS, sps720...)
	for _, c := range []struct {
		what    string
		payload []byte
		want    Descriptor
	}{
		{"a parameter set alone", sps, Descriptor{KeyFrame: true, Height: 720}},
		{"a picture parameter set", nal(8, 1, 2), Descriptor{}},
		{"a key frame's slice", nal(typeIDR, 1, 2), Descriptor{Picture: true}},
		{"another slice", nal(1, 1, 2), Descriptor{}},
		{"parameter sets together", stapA(sps, nal(8, 1)), Descriptor{KeyFrame: true, Height: 720}},
		{"a whole key frame", stapA(sps, nal(8, 1), nal(typeIDR, 1)), Descriptor{KeyFrame: true, Picture: true, Height: 720}},
		{"slices together", stapA(nal(1, 1), nal(1, 2)), Descriptor{}},
		{"the first part of a key frame's slice", []byte{0x7C, 0x85, 1}, Descriptor{Picture: true}},
		{"a later part of it", []byte{0x7C, 0x05, 1}, Descriptor{}},
		{"the last part of it", []byte{0x7C, 0x45, 1}, Descriptor{}},
		{"the first part of a parameter set", []byte{0x7C, 0x87, 1}, Descriptor{KeyFrame: true}},
		{"the first part of another slice", []byte{0x7C, 0x81, 1}, Descriptor{}},
		{"a parameter set cut short", nal(typeSPS, 0x42), Descriptor{KeyFrame: true}},
	} {
		if got, err := Parse(c.payload); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for what, payload := range map[string][]byte{
		"nothing":                     {},
		"the forbidden bit":           {0xE7, 1},
		"type 0":                      {0x60, 1},
		"a STAP-B":                    {0x79, 0, 1, 1},
		"a FU-B":                      {0x7D, 0x85, 1, 1},
		"an empty STAP-A":             {0x78},
		"a STAP-A cut in a length":    {0x78, 0},
		"a STAP-A cut in a unit":      {0x78, 0, 5, 0x67, 1},
		"a STAP-A with an empty unit": {0x78, 0, 0, 0x67},
		"a FU-A without data":         {0x7C, 0x85},
	} {
		if d, err := Parse(payload); !errors.Is(err, ErrPayload) {
			t.Errorf("%s: %+v, %v", what, d, err)
		}
	}
}

func TestHeight(t *testing.T) {
	for want, sps := range map[int][]byte{720: sps720, 360: sps360, 400: sps400} {
		if got := height(sps); got != want {
			t.Errorf("a picture of height %d is read as %d", want, got)
		}
		for n := range 7 {
			if got := height(sps[:n]); got != 0 {
				t.Errorf("%d bytes of it are read as %d", n, got)
			}
		}
	}
	// Constrained baseline, level 3.1, 1280×720, as Chromium's OpenH264 writes it.
	if got := height([]byte{0x42, 0xC0, 0x1F, 0x8C, 0x8D, 0x40, 0x28, 0x02, 0xDD, 0x00, 0xF0, 0x88, 0x45, 0x38}); got != 720 {
		t.Errorf("OpenH264's picture has height %d", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(nal(typeSPS, sps720...))
	f.Add(nal(typeSPS, sps400...))
	f.Add(stapA(nal(typeSPS, sps360...), nal(8, 1), nal(typeIDR, 1)))
	f.Add([]byte{0x7C, 0x85, 1})
	f.Add([]byte{0x67, 0x64, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 3, 0, 0, 3})
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := Parse(payload)
		if err != nil && d.KeyFrame && len(payload) > 0 && payload[0]&0x1F != typeSTAPA {
			t.Fatalf("% x is malformed and a key frame", payload)
		}
		if d.Height < 0 || d.Height > maxHeight || d.Height > 0 && !d.KeyFrame {
			t.Fatalf("% x says %+v", payload, d)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	payload := stapA(nal(typeSPS, sps720...), nal(8, 1, 2, 3, 4))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
