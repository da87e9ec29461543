package rate

import "time"

const (
	binLength = 100 * time.Millisecond
	bins      = 64
)

// meter counts bytes in bins of time, to say what was sent of late.
type meter struct {
	bytes  [bins]int64
	newest int64 // number of the newest bin since the beginning of time
}

func (m *meter) add(bytes int, now time.Time) {
	m.advance(now)
	m.bytes[m.newest%bins] += int64(max(bytes, 0))
}

// advance empties the bins between the newest one and now. A clock that goes back counts into the newest bin.
func (m *meter) advance(now time.Time) {
	bin := now.UnixNano() / int64(binLength)
	if bin-m.newest > bins {
		m.newest = bin - bins
	}
	for m.newest < bin {
		m.newest++
		m.bytes[m.newest%bins] = 0
	}
}

// rate returns the mean over a window that ended some time ago. Both are together less than bins*binLength; the present
// bin, which is not over, is left out.
func (m *meter) rate(now time.Time, window, ago time.Duration) float64 {
	m.advance(now)
	last := m.newest - int64(ago/binLength)
	n := min(int64(window/binLength), bins-1-(m.newest-last))
	var sum int64
	for i := last - n; i < last; i++ {
		sum += m.bytes[i%bins]
	}
	return float64(8*sum) / (time.Duration(n) * binLength).Seconds()
}
