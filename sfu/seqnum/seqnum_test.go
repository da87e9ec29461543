package seqnum

import "testing"

func TestOlderAcrossTheWrap(t *testing.T) {
	for _, c := range []struct {
		a, b  uint16
		older bool
	}{
		{1, 2, true}, {2, 1, false}, {7, 7, false},
		{65535, 0, true}, {0, 65535, false}, {65000, 200, true}, {0, 32767, true}, {0, 32769, false},
	} {
		if Older(c.a, c.b) != c.older {
			t.Errorf("Older(%d, %d) is not %v", c.a, c.b, c.older)
		}
	}
}

func TestDistanceIsSigned(t *testing.T) {
	if d := Ahead(65534, 3); d != 5 {
		t.Errorf("3 is %d ahead of 65534, want 5", d)
	}
	if d := Ahead(3, 65534); d != -5 {
		t.Errorf("65534 is %d ahead of 3, want -5", d)
	}
	if d := AheadTS(0xFFFFFF00, 0x100); d != 0x200 {
		t.Errorf("timestamp distance across the wrap is %d, want 512", d)
	}
	if d := AheadTS(0x100, 0xFFFFFF00); d != -0x200 {
		t.Errorf("timestamp distance backwards across the wrap is %d, want -512", d)
	}
}

func TestPictureIDsWrapAtFifteenBits(t *testing.T) {
	if !OlderPicture(32767, 0) || OlderPicture(0, 32767) || OlderPicture(5, 5) || !OlderPicture(100, 200) {
		t.Error("picture IDs are compared wrongly across the 15-bit wrap")
	}
}
