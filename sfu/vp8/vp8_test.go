package vp8

import (
	"bytes"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		what    string
		payload []byte
		want    Descriptor
	}{
		{"key frame without extension", []byte{0x10, 0x00}, Descriptor{Size: 1, Start: true, KeyFrame: true}},
		{"delta frame without extension", []byte{0x10, 0x01}, Descriptor{Size: 1, Start: true}},
		{"second packet of a key frame", []byte{0x00, 0x00}, Descriptor{Size: 1}},
		{"start of a later partition", []byte{0x11, 0x00}, Descriptor{Size: 1}},
		{"7-bit picture", []byte{0x90, 0x80, 0x55, 0x00}, Descriptor{Size: 3, Start: true, KeyFrame: true, HasPicture: true, PictureID: 0x55}},
		{"15-bit picture", []byte{0x90, 0x80, 0xFF, 0xFE, 0x01}, Descriptor{Size: 4, Start: true, HasPicture: true, Wide: true, PictureID: 0x7FFE}},
		{"all fields", []byte{0x90, 0xF0, 0x81, 0x02, 0x33, 0x60, 0x00},
			Descriptor{Size: 6, Start: true, KeyFrame: true, HasPicture: true, Wide: true, PictureID: 0x102, HasTL0: true, TL0: 0x33}},
	} {
		got, err := Parse(c.payload)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

func TestParseRefusesTruncated(t *testing.T) {
	full := []byte{0x90, 0xF0, 0x81, 0x02, 0x33, 0x60, 0x00}
	for n := range len(full) {
		if _, err := Parse(full[:n]); err == nil {
			t.Errorf("%d bytes of a 6-byte descriptor were accepted", n)
		}
	}
}

func TestKeyFramesSayTheirHeight(t *testing.T) {
	frame := []byte{0x10, 0x50, 0x2D, 0x00, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x02, 0x00} // 1280×720
	d, err := Parse(frame)
	if err != nil || d.Height(frame) != 720 {
		t.Errorf("a picture of 1280×720 has height %d, %v", d.Height(frame), err)
	}
	for n := 2; n < 11; n++ {
		if d, err := Parse(frame[:n]); err == nil && d.Height(frame[:n]) != 0 {
			t.Errorf("%d bytes say a height", n)
		}
	}
	frame[1] |= 1
	if d, _ := Parse(frame); d.Height(frame) != 0 {
		t.Error("a frame that is no key frame says a height")
	}
}

func TestRewriteWidensShortPictureIDs(t *testing.T) {
	dst := make([]byte, 32)
	in := []byte{0x90, 0xC0, 0x05, 0x09, 0x00, 0xAA}
	d, err := Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	n := d.Rewrite(dst, in, 0x1234, 0x77)
	if want := []byte{0x90, 0xC0, 0x92, 0x34, 0x77, 0x00, 0xAA}; !bytes.Equal(dst[:n], want) {
		t.Errorf("got % x, want % x", dst[:n], want)
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add([]byte{0x90, 0xF0, 0x81, 0x02, 0x33, 0x60, 0x00}, uint16(7), uint8(9))
	f.Add([]byte{0x90, 0x40, 0x81, 0x02}, uint16(0x7FFF), uint8(0))
	f.Add([]byte{0x80, 0x80}, uint16(1), uint8(1))
	f.Add([]byte{0x10, 0x00}, uint16(1), uint8(1))
	f.Fuzz(func(t *testing.T, payload []byte, picture uint16, tl0 uint8) {
		d, err := Parse(payload)
		if err != nil {
			return
		}
		if h := d.Height(payload); h < 0 || h > 1<<14 {
			t.Fatalf("% x has height %d", payload, h)
		}
		dst := make([]byte, len(payload)+1)
		out := dst[:d.Rewrite(dst, payload, picture, tl0)]
		got, err := Parse(out)
		if err != nil {
			t.Fatalf("% x became unreadable: % x", payload, out)
		}
		if got.HasPicture != d.HasPicture || d.HasPicture && (!got.Wide || got.PictureID != picture&0x7FFF) {
			t.Fatalf("picture ID of % x came out as %+v", payload, got)
		}
		if got.HasTL0 != d.HasTL0 || d.HasTL0 && got.TL0 != tl0 {
			t.Fatalf("TL0PICIDX of % x came out as %+v", payload, got)
		}
		if got.Start != d.Start || got.KeyFrame != d.KeyFrame || !bytes.Equal(out[got.Size:], payload[d.Size:]) {
			t.Fatalf("% x lost its picture: % x", payload, out)
		}
	})
}
