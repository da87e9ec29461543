package timeline

// maxFrame is the longest an Opus frame may be, in bytes (RFC 6716 §3.2.1, R2).
const maxFrame = 1275

// WellFormed says whether the frames of an Opus packet have the lengths that the packet says (RFC 6716 §3.4, R1 to R7).
// Decoders play any bytes within frames, and give up where this does not hold; some browsers then play nothing more.
func WellFormed(packet []byte) bool {
	if _, err := Samples(packet); err != nil {
		return false
	}
	frames := packet[1:]
	switch packet[0] & 3 {
	case 0:
		return len(frames) <= maxFrame
	case 1:
		return len(frames)%2 == 0 && len(frames)/2 <= maxFrame
	case 2:
		return framesFit(frames, 2)
	}
	return manyFramesFit(packet[1], packet[2:])
}

// manyFramesFit judges a packet of code 3 (RFC 6716 §3.2.5) after its count byte.
func manyFramesFit(count byte, b []byte) bool {
	n := int(count & 0x3f)
	if count&0x40 != 0 {
		padding := 0
		for more := true; more; {
			if len(b) == 0 {
				return false
			}
			more = b[0] == 255
			padding += int(b[0])
			if more {
				padding-- // 255 stands for 254 and one more length byte
			}
			b = b[1:]
		}
		if padding > len(b) {
			return false
		}
		b = b[:len(b)-padding]
	}
	if count&0x80 != 0 {
		return framesFit(b, n)
	}
	return len(b)%n == 0 && len(b)/n <= maxFrame
}

// framesFit judges n frames that follow the lengths of all but the last (RFC 6716 §3.2.1).
func framesFit(b []byte, n int) bool {
	total := 0
	for range n - 1 {
		if len(b) == 0 {
			return false
		}
		length := int(b[0])
		b = b[1:]
		if length >= 252 {
			if len(b) == 0 {
				return false
			}
			length += 4 * int(b[0])
			b = b[1:]
		}
		total += length
	}
	last := len(b) - total
	return last >= 0 && last <= maxFrame
}
