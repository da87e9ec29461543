package node

import (
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// workerSilent is how long a recogniser may say nothing before captions count as late: it reports every 2 s.
	workerSilent = 6 * time.Second
	// workerMissing is how long nobody may recognise before the room is told that there is no recogniser.
	workerMissing = 20 * time.Second
)

// showStatus tells everybody when the state of the captions has changed.
func (l *live) showStatus(now time.Time) {
	stalled, problem := "", l.n.recognisersProblem()
	if l.recorder.Stalled() || l.outbox.stalled() {
		stalled = l.n.stallReason()
	}
	l.mu.Lock()
	s := l.statusLocked(now, stalled, problem)
	changed := s != l.shown
	l.shown = s
	l.mu.Unlock()
	if changed {
		l.showPolicy()
	}
}

// statusLocked judges how captions do; stalled says why nothing reaches Kafka, "" if it does. Whole seconds of lag only, so that it changes rarely.
func (l *live) statusLocked(now time.Time, stalled, problem string) meeting.Status {
	if l.policy.Level == meeting.Off {
		return meeting.Status{State: meeting.StateOff}
	}
	if stalled != "" {
		return meeting.Status{State: meeting.StatePaused, Reason: stalled}
	}
	silent := now.Sub(l.workerAt)
	if l.workerAt.IsZero() {
		silent = now.Sub(l.onSince)
	}
	if silent <= workerSilent && !l.workerAt.IsZero() {
		s := l.worker
		s.LagMS, s.Work = s.LagMS/1000*1000, meeting.Work{}
		return s
	}
	if problem != "" {
		return meeting.Status{State: meeting.StatePaused, Reason: problem}
	}
	if silent > workerMissing {
		return meeting.Status{State: meeting.StatePaused, Reason: meeting.ReasonNoWorker}
	}
	if l.workerAt.IsZero() {
		return meeting.Status{State: meeting.StateStarting}
	}
	return meeting.Status{State: meeting.StateCatchingUp, LagMS: silent.Milliseconds() / 1000 * 1000}
}

// ai is what everybody sees of the AI.
func (l *live) ai() signal.AIState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := signal.AIState{Policy: l.policy, Status: l.shown}
	s.Policy.Glossary = nil
	if l.policy.Level == meeting.Off {
		s.Status = meeting.Status{State: meeting.StateOff}
	} else if s.Status.State == meeting.StateOff {
		s.Status = meeting.Status{State: meeting.StateStarting}
	}
	return s
}

func (l *live) showPolicy() {
	ai := l.ai()
	l.media.Broadcast(signal.ServerMessage{Type: signal.AI, AI: &ai})
}
