// Package rate follows what the network between the server and one reader can carry, and says how much video may be sent
// to him. It decides nothing about layers (see package layers), sends nothing and has no clock of its own. Start reading
// at [Estimator], then [Reports].
//
// Only video is counted and only video is cut: sound and captions are small, and what meetings are for. It is also what
// browsers count. Chrome's receiver leaves audio without transport-wide numbers out of its estimate
// (ReceiveSideCongestionController::OnReceivedPacket), and counts payload bytes without headers.
package rate

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
)

// Bitrate is in bits per second.
type Bitrate uint64

// Units of Bitrate.
const (
	Kbps Bitrate = 1000
	Mbps         = 1000 * Kbps
)

// Estimator follows one downlink. Its methods may be called from any goroutine; they neither wait nor allocate.
type Estimator interface {
	// OnRTCP takes what the receiver reports. A compound packet reaches every reader of a stream that it names, and each
	// may pass it on: a report counts once, however often it comes. Packets of other kinds are ignored.
	OnRTCP(packets []rtcp.Packet, now time.Time)
	// Sent counts RTP payload bytes of video, repeats included. Calls may be batched, at least four a second.
	Sent(bytes int, now time.Time)
	// Budget says how much video may be sent. It moves with time, so ask often: some five times a second.
	Budget(now time.Time) Bitrate
}

// Config bounds an estimate.
type Config struct {
	// Min is the least budget. It may be less than the smallest picture: then no video is sent until it grows again.
	Min Bitrate
	// Start is the budget before anything is known.
	Start Bitrate
	// Reach is how far a budget may grow while little is sent. Who asks for more than that gets it step by step.
	Reach Bitrate
	// Max is the greatest budget.
	Max Bitrate
}

// DefaultConfig suits meetings: the start is one camera of 500 kb/s and a few thumbnails, the reach one large camera or a
// screen and many thumbnails.
func DefaultConfig() Config {
	return Config{Min: 50 * Kbps, Start: Mbps, Reach: 3 * Mbps, Max: 30 * Mbps}
}

// Validate says what is wrong with c, naming the field.
func (c *Config) Validate() error {
	if c.Min == 0 || c.Min > c.Start || c.Start > c.Reach || c.Reach > c.Max {
		return fmt.Errorf("bitrates must rise from Min over Start and Reach to Max, and be positive: %d, %d, %d, %d", c.Min, c.Start, c.Reach, c.Max)
	}
	return nil
}
