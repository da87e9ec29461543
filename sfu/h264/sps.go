package h264

// height returns the picture height that a sequence parameter set says, without its NAL header, or 0 if it cannot be
// read (ITU-T H.264, section 7.3.2.1.1). It allocates nothing.
func height(sps []byte) int {
	b := bits{data: sps}
	profile := b.read(8)
	b.read(16) // constraints, level
	b.golomb() // ID
	chroma := uint32(1)
	if hasChromaFormat(profile) {
		chroma = b.skipChromaFormat()
	}
	b.golomb() // log2_max_frame_num_minus4
	b.skipOrder()
	b.golomb() // max_num_ref_frames
	b.read(1)  // gaps allowed
	b.golomb() // width in macroblocks, minus 1
	rows := b.golomb() + 1
	frames := b.read(1) // frame_mbs_only_flag: 0 means that a row counts twice
	if frames == 0 {
		b.read(1)
	}
	b.read(1) // direct_8x8_inference_flag
	cropped := b.crop(chroma, frames)
	total := uint64(rows) * 16 * uint64(2-frames)
	if b.short || total > maxHeight || cropped >= total {
		return 0
	}
	return int(total - cropped)
}

// maxHeight is the highest picture of the largest level (6.2), in pixels.
const maxHeight = 16_384

// hasChromaFormat says whether a profile's parameter sets have chroma and scaling fields.
func hasChromaFormat(profile uint32) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// skipChromaFormat passes the fields that only high profiles have, and returns chroma_format_idc.
func (b *bits) skipChromaFormat() uint32 {
	chroma := b.golomb()
	lists := 8
	if chroma == 3 {
		lists = 12
		b.read(1) // separate colour planes
	}
	b.golomb() // bit depths
	b.golomb()
	b.read(1) // bypass
	if b.read(1) == 0 {
		return chroma
	}
	for i := range lists {
		if b.read(1) == 1 {
			b.skipScalingList(scalingSize(i))
		}
	}
	return chroma
}

// scalingSize is how many numbers scaling list i has: six are of 4×4 blocks, the others of 8×8.
func scalingSize(i int) int {
	if i < 6 {
		return 16
	}
	return 64
}

func (b *bits) skipScalingList(size int) {
	last, next := 8, 8
	for range size {
		if next != 0 {
			next = (last + b.signed() + 256) % 256
		}
		if next != 0 {
			last = next
		}
		if b.short {
			return
		}
	}
}

// skipOrder passes the fields about the order of pictures.
func (b *bits) skipOrder() {
	switch b.golomb() {
	case 0:
		b.golomb()
	case 1:
		b.read(1)
		b.golomb()
		b.golomb()
		for n := b.golomb(); n > 0 && !b.short; n-- {
			b.golomb()
		}
	}
}

// crop returns the rows of pixels that are cut off.
func (b *bits) crop(chroma, frames uint32) uint64 {
	if b.read(1) == 0 {
		return 0
	}
	b.golomb() // left, right
	b.golomb()
	rows := uint64(b.golomb()) + uint64(b.golomb())
	unit := uint64(2 - frames)
	if chroma == 1 { // 4:2:0
		unit *= 2
	}
	return rows * unit
}

// bits reads a bit stream, skipping the bytes that keep start codes from appearing in it (emulation prevention).
type bits struct {
	data  []byte
	at    int  // byte
	bit   int  // of the byte, 0 the highest
	zeros int  // zero bytes just passed
	short bool // something was read behind the end
}

func (b *bits) read(n int) uint32 {
	var v uint32
	for range n {
		if b.at >= len(b.data) {
			b.short = true
			return 0
		}
		v = v<<1 | uint32(b.data[b.at]>>(7-b.bit)&1)
		if b.bit++; b.bit == 8 {
			b.next()
		}
	}
	return v
}

func (b *bits) next() {
	if b.data[b.at] == 0 {
		b.zeros++
	} else {
		b.zeros = 0
	}
	b.at, b.bit = b.at+1, 0
	if b.zeros >= 2 && b.at < len(b.data) && b.data[b.at] == 3 {
		b.at, b.zeros = b.at+1, 0
	}
}

// golomb reads an unsigned Exp-Golomb number (section 9.1).
func (b *bits) golomb() uint32 {
	zeros := 0
	for b.read(1) == 0 {
		if zeros++; zeros > 31 || b.short {
			b.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + b.read(zeros)
}

func (b *bits) signed() int {
	v := int(b.golomb())
	if v%2 == 0 {
		return -(v / 2)
	}
	return v/2 + 1
}
