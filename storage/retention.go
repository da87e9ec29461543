package storage

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// How long what was said is kept. Three clocks run from the end of a meeting: for its sound, its text and its minutes. An admin sets
// them for the installation, as a limit for all rooms; organizers may set shorter ones for their room, and exempt single meetings
// from those.
const (
	// MaxRetentionDays bounds a clock: a hundred years.
	MaxRetentionDays = 36_500
	// RetentionGrace is how long a shorter clock leaves what it would delete at once: time to see the warning, and to download.
	RetentionGrace = 7 * 24 * time.Hour
	// RetentionWarning is how long before a deletion people are warned of it.
	RetentionWarning = 7 * 24 * time.Hour
)

// Clock is how long something is kept after the end of its meeting.
type Clock struct {
	Days        int   `json:"days,omitempty"`          // 0: until somebody deletes it
	SinceUnixMS int64 `json:"since_unix_ms,omitempty"` // when Days was last shortened
}

// Retention is the three clocks, of the installation or of a room.
type Retention struct {
	Audio   Clock `json:"audio,omitzero"`
	Text    Clock `json:"text,omitzero"`
	Minutes Clock `json:"minutes,omitzero"`
}

// Set changes how long is kept. A clock that becomes shorter deletes nothing before [RetentionGrace] is over.
func (c *Clock) Set(days int, now time.Time) {
	if days > 0 && (c.Days == 0 || days < c.Days) {
		c.SinceUnixMS = now.UnixMilli()
	}
	c.Days = days
}

// Validate says what is wrong with a clock.
func (c Clock) Validate() error {
	if c.Days < 0 || c.Days > MaxRetentionDays {
		return fmt.Errorf("%d days: keep for 1 to %d days, or 0 until it is deleted", c.Days, MaxRetentionDays)
	}
	return nil
}

// Validate names the first wrong clock.
func (r Retention) Validate() error {
	return cmp.Or(r.Audio.Validate(), r.Text.Validate(), r.Minutes.Validate())
}

// Exceeds says whether a room's clock would keep longer than the installation's, which always holds.
func (c Clock) Exceeds(limit Clock) bool { return limit.Days > 0 && c.Days > limit.Days }

// Exceeds says whether one of a room's clocks would keep longer than the installation's.
func (r Retention) Exceeds(limit Retention) bool {
	return r.Audio.Exceeds(limit.Audio) || r.Text.Exceeds(limit.Text) || r.Minutes.Exceeds(limit.Minutes)
}

// Within returns the days that hold in a room with clock c: the fewer of both; 0 if neither sets any.
func (c Clock) Within(limit Clock) int {
	if limit.Days == 0 || c.Days > 0 && c.Days < limit.Days {
		return c.Days
	}
	return limit.Days
}

// due returns when the clock deletes something for which it began to run at beginUnixMS; 0 if never.
func (c Clock) due(beginUnixMS int64) int64 {
	if c.Days <= 0 || beginUnixMS == 0 {
		return 0
	}
	at := beginUnixMS + int64(c.Days)*24*time.Hour.Milliseconds()
	if c.SinceUnixMS == 0 {
		return at
	}
	return max(at, c.SinceUnixMS+RetentionGrace.Milliseconds())
}

// Due says when the parts of a meeting are deleted, as Unix time in ms; 0: not by itself.
type Due struct {
	Audio, Text, Minutes int64
	CanKeep              bool // an organizer may put off the deletion of the text: only the room's clock asks for it
}

// DueOf returns when a meeting of a room is deleted. room are the room's clocks; they do not hold for a meeting that an organizer
// keeps.
func DueOf(m Meeting, instance, room Retention) Due {
	if m.Kept {
		room = Retention{}
	}
	begin := m.EndedUnixMS
	if begin != 0 { // what somebody brought here today is not to be gone tonight
		begin = max(begin, m.ImportedUnixMS)
	}
	d := Due{
		Audio:   earlier(instance.Audio.due(begin), room.Audio.due(begin)),
		Text:    earlier(instance.Text.due(begin), room.Text.due(begin)),
		Minutes: earlier(instance.Minutes.due(begin), room.Minutes.due(begin)),
	}
	d.CanKeep = d.Text != 0 && d.Text != instance.Text.due(begin)
	return d
}

// earlier returns the earlier of two times, of which 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Soon says whether the text is about to be deleted, so that people are to be warned.
func (d Due) Soon(now time.Time) bool {
	return d.Text != 0 && d.Text-now.UnixMilli() <= RetentionWarning.Milliseconds()
}

// part is what a clock runs for.
type part int

const (
	factsPart   part = iota // people, times, keys: they go with the last of the others
	textPart                // whatever holds words, such as segments, transcript, corrections, index
	audioPart               // sound
	minutesPart             // minutes and what they are made from
)

// Names of objects of a meeting that only this file and the keys tell apart.
const (
	minutesFile = "minutes.json"
	workFolder  = "work/"
	liveKeyName = "live.json"
	mainKeyName = archiveKeyFile
)

// partOf says to which part an object belongs, by its name below the meeting's folder. What is not known holds words.
func partOf(name string) part {
	switch {
	case name == meetingFile, name == liveKeyName, name == mainKeyName, name == sharesFile:
		return factsPart
	case strings.HasPrefix(name, audioFolder):
		return audioPart
	case name == minutesFile, strings.HasPrefix(name, minutesFolder), strings.HasPrefix(name, workFolder):
		return minutesPart
	}
	return textPart
}

// over says whether a part's time is over.
func (d Due) over(p part, now time.Time) bool {
	at := map[part]int64{textPart: d.Text, audioPart: d.Audio, minutesPart: d.Minutes}[p]
	return at != 0 && now.UnixMilli() >= at
}
