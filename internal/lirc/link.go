package lirc

import (
	"context"
	"net"
	"sync"
	"time"
)

// link is one connection to lircd. Its goroutine always reads, also when nobody waits: lircd writes its broadcasts to
// every client, and one that does not read would stop it.
type link struct {
	conn net.Conn
	idle *time.Timer
	done chan struct{} // closed when the connection has ended
	err  error         // why; valid after done

	mu      sync.Mutex
	command string // whose reply is awaited
	answer  chan reply
}

func newLink(conn net.Conn, broadcast func(Broadcast), reloaded func()) *link {
	l := &link{conn: conn, done: make(chan struct{})}
	l.idle = time.AfterFunc(idleFor, l.drop)
	go l.read(newStream(conn, broadcast, reloaded))
	return l
}

// read hands each reply to whoever awaits it; one that nobody awaits is dropped.
func (l *link) read(s *stream) {
	defer close(l.done)
	defer l.drop()
	for {
		r, err := s.next()
		if err != nil {
			l.err = err
			return
		}
		l.mu.Lock()
		if l.answer != nil && l.command == r.command {
			l.answer <- r // has room for it
			l.answer = nil
		}
		l.mu.Unlock()
	}
}

// await says whose reply comes next.
func (l *link) await(command string) <-chan reply {
	answer := make(chan reply, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.command, l.answer = command, answer
	return answer
}

func (l *link) say(ctx context.Context, command string) error {
	deadline, _ := ctx.Deadline() // none: the zero time, which is no deadline
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := l.conn.Write([]byte(command + "\n"))
	return err
}

// alive says that the connection has not ended; nil has.
func (l *link) alive() bool {
	if l == nil {
		return false
	}
	select {
	case <-l.done:
		return false
	default:
		return true
	}
}

func (l *link) touch() { l.idle.Reset(idleFor) }

func (l *link) drop() {
	l.idle.Stop()
	l.conn.Close()
}

// remembered is how many broadcasts are kept for those who ask later.
const remembered = 64

// memory keeps the newest broadcasts; each has a number that rises by one.
type memory struct {
	kept []Broadcast
	last int64
}

func (m *memory) add(b Broadcast) {
	m.last++
	m.kept = append(m.kept, b)
	if len(m.kept) > remembered {
		m.kept = append(m.kept[:0], m.kept[len(m.kept)-remembered:]...)
	}
}

func (m *memory) since(cursor int64) ([]Broadcast, int64) {
	if cursor < 0 || cursor >= m.last {
		return nil, m.last
	}
	from := max(0, len(m.kept)-int(m.last-cursor))
	return append([]Broadcast(nil), m.kept[from:]...), m.last
}
