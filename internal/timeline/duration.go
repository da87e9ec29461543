package timeline

import "errors"

// Rate48 is the clock of Opus in RTP and Ogg: 48 kHz whatever the encoder's input was (RFC 7587 §4.1, RFC 7845 §4).
const Rate48 = 48000

// maxDuration is the longest an Opus packet may be: 120 ms (RFC 6716 §3.2.5, R5).
const maxDuration = Rate48 * 120 / 1000

// ErrPacket says that the first bytes of a packet are not those of an Opus packet.
var ErrPacket = errors.New("not an Opus packet")

// Samples returns how long the Opus packet lasts, in samples at 48 kHz (120 to 5760), from its table of contents alone
// (RFC 6716 §3.1 and §3.2). The rest of the packet is not looked at.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, ErrPacket
	}
	frames, err := frameCount(packet)
	if err != nil {
		return 0, err
	}
	n := frames * frameSamples(packet[0]>>3)
	if n == 0 || n > maxDuration {
		return 0, ErrPacket
	}
	return n, nil
}

// frameSamples is the frame size of a configuration number: table 2 of RFC 6716.
func frameSamples(config byte) int {
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{480, 960, 1920, 2880}[config%4]
	case config < 16: // Hybrid: 10, 20 ms
		return [2]int{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		return 120 << (config % 4)
	}
}

func frameCount(packet []byte) (int, error) {
	switch packet[0] & 3 {
	case 0:
		return 1, nil
	case 1, 2:
		return 2, nil
	}
	if len(packet) < 2 {
		return 0, ErrPacket
	}
	return int(packet[1] & 0x3f), nil
}
