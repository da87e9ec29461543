package sfu

// mailbox is the inbox of an owner goroutine: posted functions run on it, one at a time.
//
// Rules against deadlock: members may wait for the room, the room never waits for a member. So the room uses only post
// towards members, and a member that lets its mailbox fill up is thrown out; towards the room everybody may use do.
type mailbox struct {
	posts chan func()   // bounded; when full, do waits and post fails
	done  chan struct{} // closed when the owner stops; from then on nothing runs any more
}

func newMailbox(size int) mailbox {
	return mailbox{posts: make(chan func(), size), done: make(chan struct{})}
}

// post queues f without waiting. It returns false when the mailbox is full or its owner gone.
func (m *mailbox) post(f func()) bool {
	select {
	case <-m.done:
		return false
	default:
	}
	select {
	case m.posts <- f:
		return true
	default:
		return false
	}
}

// send queues f, waiting for room in the mailbox. It returns false when the owner is gone.
func (m *mailbox) send(f func()) bool {
	select {
	case <-m.done:
		return false
	default:
	}
	select {
	case m.posts <- f:
		return true
	case <-m.done:
		return false
	}
}

// do runs f on the owner's goroutine and waits for it. It returns false when the owner is gone and f may not have run.
func (m *mailbox) do(f func()) bool {
	ran := make(chan struct{})
	if !m.send(func() { defer close(ran); f() }) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-m.done:
		return false
	}
}
