package asr

import (
	"souffleur/internal/meeting"
	"souffleur/internal/timeline"
)

// utteranceSink hears of the utterances of a track, in order, from the goroutine that feeds its segmenter.
type utteranceSink interface {
	opened(*utterance)
	paused(u *utterance, audioEnd int64) // if no voice comes back, its audio ends there
	resumed()                            // the voice came back
	closed(*utterance)                   // ready for its final
	discarded(*utterance)                // too short or too quiet to be speech
}

// maxHeld bounds the packets kept since the last mark. 12 s of the shortest frames are 4,800; a sender whose packets take
// no time at all gets its utterance ended here.
const maxHeld = 6000

// maxReplay bounds how many packets are heard again when the detector begins afresh in silence.
const maxReplay = 200

// held is a packet since the last mark.
type held struct {
	timeline.Packet
	offset int64 // of its record
	start  int64 // position of its first sample
}

// segmenter cuts the packets of one track and one epoch into utterances.
//
// It can be restarted at any of its marks and then finds the same utterances, sample for sample: at every mark the
// decoder, the detector and the endpointer begin from nothing, and the packets from there on are heard again. Marks are
// set by the media alone: after an utterance, after a long gap, and every renewSeqs packets of silence.
type segmenter struct {
	meeting meeting.ID // set once
	track   meeting.TrackID
	epoch   uint64
	vad     VoiceDetector
	sink    utteranceSink

	line    *timeline.Timeline
	ends    endpointer
	packets []held // since mark; at most maxHeld and one
	next    int    // first of packets that is not decoded
	mark    mark
	begun   bool   // mark is set
	lastSeq uint64 // of the newest packet taken; valid if begun

	pcm      []float32 // samples not yet judged, and before them enough for the pre-roll
	pcmStart int64
	hopAt    int64 // position of the next hop
	u        *utterance
	silent   bool // the sink was told of a pause of u
	faults   int  // windows the detector failed on; they count as silence
}

func newSegmenter(m meeting.ID, t meeting.TrackID, epoch uint64, vad VoiceDetector, sink utteranceSink) *segmenter {
	vad.Reset()
	return &segmenter{
		meeting: m, track: t, epoch: epoch, vad: vad, sink: sink,
		line: timeline.New(), ends: endpointer{cfg: defaultEndpointing()},
	}
}

// add hears packets of the record at offset. Packets that were heard before are dropped: the bus may double a record.
func (s *segmenter) add(p timeline.Packet, offset int64) {
	if s.begun && p.Seq <= s.lastSeq {
		return
	}
	if !s.begun {
		s.mark, s.begun = mark{p.Seq, offset}, true
	} else if len(s.packets) == 0 {
		s.mark = mark{p.Seq, offset}
	}
	s.lastSeq = p.Seq
	s.packets = append(s.packets, held{Packet: p, offset: offset})
	s.run()
}

// silentUntil hears that no packet came until rtp. A long gap ends the utterance.
func (s *segmenter) silentUntil(rtp uint64, offset int64) {
	if s.line.LongGapAt(rtp) {
		s.flush(offset)
	}
}

// flush ends the open utterance, if any: nothing follows on this time base, or only after a long gap. offset is that of
// the record that says so.
func (s *segmenter) flush(offset int64) {
	if s.u != nil {
		s.end(s.hopAt, len(s.packets))
	}
	s.restart(len(s.packets))
	if s.begun {
		s.mark = mark{s.lastSeq + 1, offset}
	}
}

// quiet says whether nothing was heard since the mark: replay could begin after the last packet.
func (s *segmenter) quiet() bool { return len(s.packets) == 0 }

// run decodes and judges what was taken. A mark set on the way sets next back, so some packets are heard again.
func (s *segmenter) run() {
	for s.next < len(s.packets) {
		p := &s.packets[s.next]
		if s.u != nil && s.u.over(p.Seq) {
			s.breakAt(s.next)
			continue
		}
		_, placed := s.line.End() // where an undecodable packet stands is not known before the first that decodes
		chunk := s.line.Append(p.Packet)
		p.start = 0
		if placed {
			p.start = chunk.Start
		}
		if len(chunk.PCM) > 0 {
			p.start = max(chunk.Start, int64(p.RTP/3))
		}
		if chunk.Jump {
			s.breakAt(s.next)
			continue
		}
		if !placed {
			s.pcmStart, s.hopAt = chunk.Start, chunk.Start
		}
		s.next++
		s.pcm = append(s.pcm, chunk.PCM...)
		if s.judge() {
			continue
		}
		if s.u != nil && s.next > maxHeld {
			s.breakAt(s.next)
			continue
		}
		s.renew()
	}
}

// breakAt ends the open utterance before packet i, and begins afresh there.
func (s *segmenter) breakAt(i int) {
	if s.u != nil {
		s.end(s.hopAt, i)
	}
	s.restart(i)
}

// judge gives whole hops to the detector. It reports whether a mark was set.
func (s *segmenter) judge() bool {
	for s.pcmStart+int64(len(s.pcm)) >= s.hopAt+HopSize {
		at := s.hopAt
		window := s.pcm[at-s.pcmStart:][:HopSize]
		p, err := s.vad.Probability(window)
		if err != nil || !(p >= 0 && p <= 1) {
			s.faults++
			p = 0
		}
		s.hopAt += HopSize
		if s.take(s.ends.hop(at, p), window, at) {
			return true
		}
	}
	s.forget()
	return false
}

// take acts on what a hop did. It reports whether a mark was set.
func (s *segmenter) take(did step, window []float32, at int64) bool {
	switch did {
	case stepOnset:
		s.open()
	case stepSpeech, stepPause:
		s.u.append(window, at, s.ends.voiceEnd == s.hopAt)
		s.tellPause()
	case stepEnd:
		next := s.packetAt(s.hopAt - s.ends.cfg.settle)
		s.end(min(s.ends.voiceEnd+s.ends.cfg.tail, s.hopAt), next)
		s.restart(next)
		return true
	case stepCut:
		s.u.append(window, at, s.ends.voiceEnd == s.hopAt)
		cut := s.ends.quietest()
		next := s.packetAt(cut - s.ends.cfg.settle)
		s.end(cut, next)
		s.restart(next)
		return true
	}
	return false
}

// tellPause tells the sink when a pause is as long as the tail of an utterance, and when it was none.
func (s *segmenter) tellPause() {
	pause, tail := s.hopAt-s.ends.voiceEnd, s.ends.cfg.tail
	switch {
	case pause == 0 && s.silent:
		s.silent = false
		s.sink.resumed()
	case pause >= tail && !s.silent:
		s.silent = true
		s.sink.paused(s.u, s.ends.voiceEnd+tail)
	}
}

// open begins an utterance at the onset just found.
func (s *segmenter) open() {
	start := max(s.ends.voice-s.ends.cfg.preRoll, s.pcmStart)
	s.ends.begin(start)
	s.silent = false
	first := s.packets[s.packetIndex(start)].Seq
	s.u = &utterance{
		id:   meeting.NewSegmentID(s.meeting, s.track, s.epoch, first),
		from: s.mark, firstSeq: first, start: start, voice: s.ends.voice,
	}
	s.u.append(s.pcm[start-s.pcmStart:s.ends.voice-s.pcmStart], start, false)
	s.u.append(s.pcm[s.ends.voice-s.pcmStart:s.hopAt-s.pcmStart], s.ends.voice, true)
	s.sink.opened(s.u)
}

// end closes the open utterance, whose samples end at audioEnd. What follows begins with packet next.
func (s *segmenter) end(audioEnd int64, next int) {
	u, endSeq, end := s.u, s.lastSeq+1, audioEnd
	if next < len(s.packets) {
		endSeq = s.packets[next].Seq
		end = min(end, s.packets[next].start) // a cut overlaps by settle; times do not
	}
	s.u = nil
	u.close(audioEnd, max(end, u.voice), endSeq)
	if u.worthless(s.ends.cfg) {
		s.sink.discarded(u)
		return
	}
	s.sink.closed(u)
}

// renew sets a mark after renewSeqs packets of silence, early enough before now that a pre-roll loses nothing.
func (s *segmenter) renew() {
	if s.u != nil || s.ends.onsetRun > 0 || s.packets[s.next-1].Seq < s.mark.seq+s.ends.cfg.renewSeqs {
		return
	}
	i := s.packetAt(s.hopAt - s.ends.cfg.preRoll - s.ends.cfg.settle)
	s.restart(max(i, s.next-maxReplay))
}

// restart sets a mark at packet i and begins there from nothing.
func (s *segmenter) restart(i int) {
	if i < len(s.packets) {
		s.mark = mark{s.packets[i].Seq, s.packets[i].offset}
	} else if i > 0 {
		s.mark = mark{s.lastSeq + 1, s.packets[i-1].offset}
	}
	s.packets = append([]held(nil), s.packets[i:]...)
	s.next, s.pcm = 0, s.pcm[:0]
	s.line.Restart()
	s.vad.Reset()
	s.ends.reset()
}

// packetIndex returns the packet that holds position at, the first if it lies before all.
func (s *segmenter) packetIndex(at int64) int {
	i := s.next - 1
	for i > 0 && s.packets[i].start > at {
		i--
	}
	return i
}

// packetAt is packetIndex for a new mark: never the first packet, so that every mark moves forward.
func (s *segmenter) packetAt(at int64) int { return max(1, s.packetIndex(at)) }

// forget drops samples that no pre-roll can need any more.
func (s *segmenter) forget() {
	keep := s.ends.cfg.preRoll + int64(s.ends.cfg.onsetHops+1)*HopSize
	if n := s.hopAt - keep - s.pcmStart; n > SampleRate/4 {
		s.pcm = append(s.pcm[:0], s.pcm[n:]...)
		s.pcmStart += n
	}
}
