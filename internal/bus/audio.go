package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// ErrVersion says that a record was written by a newer program.
var ErrVersion = errors.New("record of an unknown version")

// ErrMalformed says that a record is cut off or contradicts itself.
var ErrMalformed = errors.New("malformed record")

// AudioFlags say what a record means beside its packets.
type AudioFlags uint8

const (
	EndOfSpurt    AudioFlags = 1 << iota // silence follows the last packet
	Muted                                // nothing more comes in this epoch: the microphone was muted, or the track ended
	KeepAlive                            // no packets: RTP says how far silence has come
	Discontinuity                        // no packets: the recorder had some here and lost them; the next record has what follows
	Kept                                 // its sound may be stored: said while the room kept audio. Records of before this flag have none
	audioFlagsEnd                        // flags from here on are unknown
)

// AudioRecord is 100 to 200 ms of one track, or a sign of life during silence.
type AudioRecord struct {
	Meeting   meeting.ID
	Track     meeting.TrackID
	Epoch     uint64 // ms of the room clock at which the track's stream began or began anew
	FirstSeq  uint64 // extended sequence number of the first packet; of the next one for KeepAlive
	RTP       uint64 // 48 kHz ticks since the epoch's first packet: of the first packet, or of now for KeepAlive
	CaptureNS int64  // Unix time in ns at which the first packet reached the server
	Level     meeting.Level
	Flags     AudioFlags
	Packets   []AudioPacket // by rising sequence number; gaps are losses
}

// AudioPacket is one Opus packet.
type AudioPacket struct {
	Seq  uint64 // extended sequence number
	RTP  uint64 // 48 kHz ticks since the epoch's first packet
	Opus []byte
}

// Bounds of an audio record. A record holds ten packets as a rule; Opus packets of 20 ms have at most 1275 bytes.
const (
	MaxAudioPackets = 255
	MaxOpusBytes    = 4000
)

// The wire form, big endian. In clear, because it is bound to the seal and must be read before opening:
//
//	version u8 · nonce 12 B · epoch u64 · first_seq u64
//
// and sealed:
//
//	rtp u64 · capture_ns i64 · level u8 · flags u8 · count u8 · count × { seq - first_seq u16 · rtp delta u32 · len u16 · opus }
const (
	audioVersion    = 1
	audioClear      = 1 + seal.NonceSize + 8 + 8
	audioBodyHead   = 8 + 8 + 1 + 1 + 1
	audioPacketHead = 2 + 4 + 2
)

// AudioKey returns the record key of a track's audio. It holds opaque IDs only.
func AudioKey(id meeting.ID, track meeting.TrackID) string { return string(id) + "/" + string(track) }

// audioPlace binds a sealed record to its topic, track, epoch and position: it opens nowhere else.
func audioPlace(recordKey string, epoch, firstSeq uint64) string {
	return fmt.Sprintf("%s\x00%s\x00%d\x00%d\x00%d", Audio, recordKey, audioVersion, epoch, firstSeq)
}

// SealAudio returns the value of r for [Audio], sealed with the meeting's live key. The error is ErrMalformed if r
// breaks the bounds above or its packets do not rise.
func SealAudio(key seal.Key, r *AudioRecord) ([]byte, error) {
	body, err := encodeAudio(r)
	if err != nil {
		return nil, fmt.Errorf("seal audio: %w", err)
	}
	sealed := key.Seal(body, audioPlace(AudioKey(r.Meeting, r.Track), r.Epoch, r.FirstSeq))
	value := make([]byte, 0, audioClear+len(sealed)-seal.NonceSize)
	value = append(value, audioVersion)
	value = append(value, sealed[:seal.NonceSize]...)
	value = binary.BigEndian.AppendUint64(value, r.Epoch)
	value = binary.BigEndian.AppendUint64(value, r.FirstSeq)
	return append(value, sealed[seal.NonceSize:]...), nil
}

// OpenAudio reads the value of an audio message with the meeting's live key. The errors are ErrVersion, ErrMalformed and
// [seal.ErrOpen].
func OpenAudio(key seal.Key, m Message) (*AudioRecord, error) {
	r, err := openAudio(key, m)
	if err != nil {
		return nil, fmt.Errorf("open audio at %s partition %d offset %d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return r, nil
}

func openAudio(key seal.Key, m Message) (*AudioRecord, error) {
	id, track, ok := strings.Cut(m.Key, "/")
	if !ok || len(m.Value) == 0 {
		return nil, ErrMalformed
	}
	if m.Value[0] != audioVersion {
		return nil, fmt.Errorf("%w: %d", ErrVersion, m.Value[0])
	}
	if len(m.Value) < audioClear {
		return nil, ErrMalformed
	}
	r := &AudioRecord{
		Meeting:  meeting.ID(id),
		Track:    meeting.TrackID(track),
		Epoch:    binary.BigEndian.Uint64(m.Value[1+seal.NonceSize:]),
		FirstSeq: binary.BigEndian.Uint64(m.Value[1+seal.NonceSize+8:]),
	}
	sealed := append(m.Value[1:1+seal.NonceSize:1+seal.NonceSize], m.Value[audioClear:]...)
	body, err := key.Open(sealed, audioPlace(m.Key, r.Epoch, r.FirstSeq))
	if err != nil {
		return nil, err
	}
	if err := decodeAudio(body, r); err != nil {
		return nil, err
	}
	return r, nil
}

// encodeAudio writes the sealed part.
func encodeAudio(r *AudioRecord) ([]byte, error) {
	if len(r.Packets) > MaxAudioPackets {
		return nil, fmt.Errorf("%w: %d packets", ErrMalformed, len(r.Packets))
	}
	body := make([]byte, 0, audioBodySize(r))
	body = binary.BigEndian.AppendUint64(body, r.RTP)
	body = binary.BigEndian.AppendUint64(body, uint64(r.CaptureNS))
	body = append(body, byte(r.Level), byte(r.Flags), byte(len(r.Packets)))
	for i, p := range r.Packets {
		seq, rtp := p.Seq-r.FirstSeq, p.RTP-r.RTP // an earlier packet wraps around and breaks the bound
		if seq > math.MaxUint16 || rtp > math.MaxUint32 || len(p.Opus) > MaxOpusBytes {
			return nil, fmt.Errorf("%w: packet %d: sequence +%d, time +%d, %d bytes", ErrMalformed, i, seq, rtp, len(p.Opus))
		}
		body = binary.BigEndian.AppendUint16(body, uint16(seq))
		body = binary.BigEndian.AppendUint32(body, uint32(rtp))
		body = binary.BigEndian.AppendUint16(body, uint16(len(p.Opus)))
		body = append(body, p.Opus...)
	}
	return body, checkAudio(r)
}

func audioBodySize(r *AudioRecord) int {
	size := audioBodyHead
	for _, p := range r.Packets {
		size += audioPacketHead + len(p.Opus)
	}
	return size
}

// decodeAudio reads the sealed part into r. The packets share body's memory.
func decodeAudio(body []byte, r *AudioRecord) error {
	if len(body) < audioBodyHead {
		return ErrMalformed
	}
	r.RTP = binary.BigEndian.Uint64(body)
	r.CaptureNS = int64(binary.BigEndian.Uint64(body[8:]))
	r.Level, r.Flags = meeting.Level(body[16]), AudioFlags(body[17])
	count := int(body[18])
	body = body[audioBodyHead:]
	if count*audioPacketHead > len(body) {
		return ErrMalformed
	}
	if count > 0 {
		r.Packets = make([]AudioPacket, 0, count)
	}
	for range count {
		if len(body) < audioPacketHead {
			return ErrMalformed
		}
		p := AudioPacket{
			Seq: r.FirstSeq + uint64(binary.BigEndian.Uint16(body)),
			RTP: r.RTP + uint64(binary.BigEndian.Uint32(body[2:])),
		}
		n := int(binary.BigEndian.Uint16(body[6:]))
		body = body[audioPacketHead:]
		if n > MaxOpusBytes || n > len(body) {
			return ErrMalformed
		}
		p.Opus = body[:n:n]
		body = body[n:]
		r.Packets = append(r.Packets, p)
	}
	if len(body) != 0 {
		return ErrMalformed
	}
	return checkAudio(r)
}

// checkAudio holds for every record that was sealed and that was opened.
func checkAudio(r *AudioRecord) error {
	if r.Level > meeting.Minutes || r.Flags >= audioFlagsEnd {
		return fmt.Errorf("%w: level %d, flags %d", ErrMalformed, r.Level, r.Flags)
	}
	if r.Flags&KeepAlive != 0 && len(r.Packets) > 0 {
		return fmt.Errorf("%w: a keep-alive with packets", ErrMalformed)
	}
	for i, p := range r.Packets {
		if p.Seq < r.FirstSeq || p.RTP < r.RTP { // the sum has wrapped around
			return fmt.Errorf("%w: packet %d lies beyond the end of its clock", ErrMalformed, i)
		}
		if i > 0 && (p.Seq <= r.Packets[i-1].Seq || p.RTP < r.Packets[i-1].RTP) {
			return fmt.Errorf("%w: packet %d does not follow its predecessor", ErrMalformed, i)
		}
	}
	return nil
}
