package asr

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"souffleur/internal/meeting"
)

// trackHash names a track in commit metadata. 48 bits: with the 200 tracks a commit may name, a collision, which would cost
// a few seconds of speech of one of them, has odds below one in 10^10.
type trackHash [6]byte

func hashTrack(m meeting.ID, t meeting.TrackID) trackHash {
	sum := sha256.Sum256([]byte(string(m) + "/" + string(t)))
	return trackHash(sum[:6])
}

func compareHashes(a, b trackHash) int { return bytes.Compare(a[:], b[:]) }

// resumePoint says where a track's recognition goes on: packets before are done.
type resumePoint struct{ epoch, seq uint64 }

// covers says whether a packet was dealt with before the point.
func (p resumePoint) covers(epoch, seq uint64) bool {
	return epoch < p.epoch || epoch == p.epoch && seq < p.seq
}

// errMetadata says that commit metadata is not ours.
var errMetadata = errors.New("commit metadata of an unknown form")

// Version 1 did not say how far records were heard.
const (
	metadataVersion = 2
	oldestMetadata  = 1
)

// maxMetadata is what Kafka keeps with a commit, in bytes.
const maxMetadata = 4096

// encodeResume writes resume points as commit metadata: a version, the capture time in Unix ms until which records were heard,
// then hash, epoch and sequence of each track, in base64. About 18 bytes a track. false if they do not fit.
func encodeResume(points map[trackHash]resumePoint, heard int64) (string, bool) {
	b := binary.AppendUvarint([]byte{metadataVersion}, uint64(max(heard, 0)))
	for _, hash := range slices.SortedFunc(maps.Keys(points), compareHashes) { // equal points, equal text
		p := points[hash]
		b = append(b, hash[:]...)
		b = binary.AppendUvarint(b, p.epoch)
		b = binary.AppendUvarint(b, p.seq)
	}
	s := base64.RawURLEncoding.EncodeToString(b)
	return s, len(s) <= maxMetadata
}

// decodeResume reads what encodeResume wrote; nothing gives no points. heard is 0 if it is not known.
func decodeResume(metadata string) (points map[trackHash]resumePoint, heard int64, err error) {
	points = make(map[trackHash]resumePoint)
	if metadata == "" {
		return points, 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(metadata)
	if err != nil || len(b) == 0 || b[0] < oldestMetadata || b[0] > metadataVersion || len(metadata) > maxMetadata {
		return nil, 0, errMetadata
	}
	version := b[0]
	b = b[1:]
	if version > oldestMetadata {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > math.MaxInt64 {
			return nil, 0, errMetadata
		}
		heard, b = int64(v), b[n:]
	}
	for len(b) > 0 {
		var hash trackHash
		if copy(hash[:], b) < len(hash) {
			return nil, 0, errMetadata
		}
		b = b[len(hash):]
		var p resumePoint
		for _, field := range []*uint64{&p.epoch, &p.seq} {
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return nil, 0, errMetadata
			}
			*field, b = v, b[n:]
		}
		points[hash] = p
	}
	return points, heard, nil
}
