package lirc

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/fault"
)

// devicePort is a real device. It is opened without blocking, so that Close ends a Read.
type devicePort struct {
	file *os.File
	conn syscall.RawConn
}

// OpenDevice opens a /dev/lirc device; it is an Open.
func OpenDevice(path string) (Port, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Sentence(err, "open "+path)
	}
	if info.Mode()&os.ModeCharDevice == 0 {
		return nil, fmt.Errorf("open %s: it is no device: %w", path, fault.ErrInvalid)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, Sentence(err, "open "+path)
	}
	file := os.NewFile(uintptr(fd), path)
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, Sentence(err, "open "+path)
	}
	return devicePort{file: file, conn: conn}, nil
}

// Ioctl is the system call; the value goes in and out.
func (p devicePort) Ioctl(request uint, value *uint32) error {
	var result error
	err := p.conn.Control(func(fd uintptr) {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(value)))
		if errno != 0 {
			result = errno
		}
	})
	if err != nil {
		return err
	}
	return result
}

func (p devicePort) Write(data []byte) (int, error) {
	n := 0
	var result error
	// One system call for the whole: a device's write is one transmission, which must not be taken apart. It blocks
	// for up to half a second whatever the file's flags say. A driver that wants another try is not waited for: the kernel
	// never says that a lirc device can be written.
	err := p.conn.Write(func(fd uintptr) bool {
		for {
			if n, result = unix.Write(int(fd), data); result != unix.EINTR {
				return true
			}
		}
	})
	if err != nil {
		return n, err
	}
	if result != nil {
		return 0, result
	}
	if n != len(data) {
		return n, fmt.Errorf("the kernel took %d of %d bytes", n, len(data))
	}
	return n, nil
}

// TryLock takes the device for sending, among the programs and goroutines that ask, until it is closed. It says
// whether it was free.
func (p devicePort) TryLock() (bool, error) {
	var result error
	if err := p.conn.Control(func(fd uintptr) { result = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return false, err
	}
	if result == unix.EWOULDBLOCK {
		return false, nil
	}
	return result == nil, result
}

func (p devicePort) Read(data []byte) (int, error) { return p.file.Read(data) }
func (p devicePort) Close() error                  { return p.file.Close() }
