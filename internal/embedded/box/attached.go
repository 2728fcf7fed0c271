package box

import (
	"io"
	"net"
	"os"
	"sync"

	"github.com/docker/docker/pkg/stdcopy"
)

// streams are the pipes of an attached exec.
type streams struct {
	files                                []*os.File
	inRead, inWrite                      *os.File // nil without input
	outRead, outWrite, errRead, errWrite *os.File
}

func newStreams(withInput bool) (*streams, error) {
	s := &streams{}
	ends := []struct{ r, w **os.File }{{&s.outRead, &s.outWrite}, {&s.errRead, &s.errWrite}}
	if withInput {
		ends = append(ends, struct{ r, w **os.File }{&s.inRead, &s.inWrite})
	}
	for _, end := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			s.close()
			return nil, err
		}
		*end.r, *end.w = r, w
		s.files = append(s.files, r, w)
	}
	return s, nil
}

func (s *streams) close() {
	for _, file := range s.files {
		file.Close()
	}
}

// attached runs the exec with its streams on the connection; sent is what the caller says.
func (e *execution) attached(conn net.Conn, sent io.Reader) error {
	s, err := newStreams(e.options.AttachStdin)
	if err != nil {
		return err
	}
	defer s.close()
	process, err := e.start(s.inRead, s.outWrite, s.errWrite)
	if err != nil {
		return err
	}
	s.outWrite.Close()
	s.errWrite.Close()
	go s.feed(sent)
	var mu sync.Mutex // the two share the connection
	var copies sync.WaitGroup
	copies.Add(2)
	go show(&copies, &mu, conn, stdcopy.Stdout, s.outRead, e.options.AttachStdout)
	go show(&copies, &mu, conn, stdcopy.Stderr, s.errRead, e.options.AttachStderr)
	<-process.Done() // the container's end is its end, and the box's end is the container's
	copies.Wait()
	return nil
}

// feed hands the caller's input on; it ends with the connection.
func (s *streams) feed(sent io.Reader) {
	if s.inWrite == nil {
		_, _ = io.Copy(io.Discard, sent)
		return
	}
	s.inRead.Close()
	_, _ = io.Copy(s.inWrite, sent) // a program that stops reading is no fault
	s.inWrite.Close()
}

// show copies one stream to the caller, if wanted. A caller who is gone does not stop the program, which
// must not hang on a full pipe either.
func show(done *sync.WaitGroup, mu *sync.Mutex, conn net.Conn, kind stdcopy.StdType, from *os.File, wanted bool) {
	defer done.Done()
	if wanted {
		if _, err := io.Copy(locked{mu, stdcopy.NewStdWriter(conn, kind)}, from); err == nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, from)
}

type locked struct {
	mu *sync.Mutex
	to io.Writer
}

// Write is one write of the writer below at a time.
func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}
