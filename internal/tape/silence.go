package tape

import "souffleur/internal/ogg"

// unit is the shortest silence there is: 2.5 ms, the shortest Opus frame.
const unit = 120

// Silent packets: CELT frames, full band, mono, whose two bytes begin with the flag for silence (RFC 6716 §4.3).
var silent = [...]struct {
	units  int64
	packet []byte
}{
	{48, []byte{31<<3 | 3, 6, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe}}, // 120 ms: six frames of 20
	{8, []byte{31 << 3, 0xff, 0xfe}}, // 20 ms
	{4, []byte{30 << 3, 0xff, 0xfe}}, // 10 ms
	{2, []byte{29 << 3, 0xff, 0xfe}}, // 5 ms
	{1, []byte{28 << 3, 0xff, 0xfe}}, // 2.5 ms
}

// silentPacket returns the longest silent packet of at most that many units, at least one, and its length in units.
func silentPacket(units int64) (packet []byte, length int64) {
	for _, s := range silent {
		if s.units <= units {
			return s.packet, s.units
		}
	}
	return nil, 0
}

// Silence between pieces consists of equal pages of almost a second, and one for the rest. So where each begins is
// computed.
const (
	fullPackets = 8
	fullUnits   = fullPackets * 48
)

var fullSize = int64(len(appendSilencePage(nil, ogg.Page{}, fullUnits)))

func silencePages(units int64) uint32 { return uint32((units + fullUnits - 1) / fullUnits) }

// silenceSize returns how many bytes that many units take.
func silenceSize(units int64) int64 {
	size := units / fullUnits * fullSize
	if rest := units % fullUnits; rest > 0 {
		lacing, bytes := 0, 0
		for rest > 0 {
			packet, length := silentPacket(rest)
			lacing, bytes, rest = lacing+ogg.Lacing(len(packet)), bytes+len(packet), rest-length
		}
		size += int64(ogg.PageSize(lacing, bytes))
	}
	return size
}

func appendSilencePage(dst []byte, p ogg.Page, units int64) []byte {
	var packets [][]byte
	for units > 0 {
		packet, length := silentPacket(units)
		packets = append(packets, packet)
		units -= length
	}
	return ogg.AppendPage(dst, p, packets...)
}

// SilenceFrom returns some of the silence that goes before a piece, from the given byte of it on: at least one byte unless
// offset is Silence().
func (h Head) SilenceFrom(serial uint32, offset int64) []byte {
	k := min(offset/fullSize, h.units()/fullUnits) // the last page may be longer than a full one
	left := h.units() - k*fullUnits
	if left <= 0 {
		return nil
	}
	units := min(left, fullUnits)
	page := appendSilencePage(nil, ogg.Page{
		Serial: serial, Seq: h.Page + uint32(k), Granule: preSkip + h.From + (k*fullUnits+units)*unit,
	}, units)
	return page[offset-k*fullSize:]
}
