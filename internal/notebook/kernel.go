package notebook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/google/uuid"
)

// kernelVariable marks a kernel and all it starts, so that none is left behind.
const kernelVariable = "JACARD_KERNEL"

// Kernel is a running kernel.
type Kernel struct {
	// Language is what the kernel says about its language, for the metadata of
	// notebooks.
	Language map[string]any

	spec      Spec
	ports     []int // shell, control, iopub, stdin, heartbeat
	connected bool
	wire      wire
	dir       string // connection file, log, and the kernel's temporary files
	cmd       *exec.Cmd
	dead      chan struct{} // closed once the process has ended
	closed    chan struct{} // closed by Close
	exit      error         // how it ended; read after dead is closed
	cancel    context.CancelFunc
	sockets   sockets
	messages  chan received
}

type sockets struct{ shell, control, iopub zmq4.Socket }

// received is a message and where it came from.
type received struct {
	message
	iopub bool
	err   error
}

// Start starts a kernel in the folder dir, with env added to its environment,
// and waits until it answers. A kernel that ends or stays silent for the
// timeout (0 means one minute) is an error that holds the end of its log.
func Start(ctx context.Context, spec Spec, dir string, env []string, timeout time.Duration) (*Kernel, error) {
	timeout = cmp.Or(timeout, time.Minute)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	for attempt := 1; ; attempt++ {
		k, err := launch(spec, dir, env)
		if err != nil {
			return nil, fmt.Errorf("notebook: start kernel %s: %w", spec.Name, err)
		}
		err = k.connect(ctx)
		if err == nil {
			return k, nil
		}
		log := k.logTail()
		k.Close()
		// Another process may take a port between our choice and the kernel's
		// start; a kernel that cannot start at all fails again.
		if attempt == 1 && errors.Is(err, errDied) && bytes.Contains(log, []byte("address already in use")) {
			continue
		}
		return nil, fmt.Errorf("notebook: start kernel %s: %w%s", spec.Name, err, afterLog(log))
	}
}

var errDied = errors.New("the kernel ended")

func launch(spec Spec, dir string, env []string) (*Kernel, error) {
	id := uuid.NewString()
	own, err := os.MkdirTemp("", "jacard-kernel-")
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		spec: spec, wire: wire{key: []byte(uuid.NewString()), session: id}, dir: own,
		dead: make(chan struct{}), closed: make(chan struct{}), messages: make(chan received, 1024),
	}
	connection := filepath.Join(own, "kernel-"+id+".json")
	k.ports, err = freePorts(5)
	if err == nil {
		err = k.writeConnection(connection)
	}
	if err == nil {
		err = k.startProcess(connection, dir, append(env, kernelVariable+"="+id, "TMPDIR="+own))
	}
	if err != nil {
		_ = os.RemoveAll(own)
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	options := []zmq4.Option{zmq4.WithDialerRetry(20 * time.Millisecond), zmq4.WithDialerMaxRetries(-1), zmq4.WithTimeout(10 * time.Second)}
	k.sockets = sockets{zmq4.NewDealer(ctx, options...), zmq4.NewDealer(ctx, options...), zmq4.NewSub(ctx, options...)}
	return k, nil
}

// freePorts asks the system for ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all open until the end, so that all differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func (k *Kernel) writeConnection(path string) error {
	ports := k.ports
	raw, err := json.Marshal(map[string]any{
		"shell_port": ports[0], "control_port": ports[1], "iopub_port": ports[2], "stdin_port": ports[3], "hb_port": ports[4],
		"ip": "127.0.0.1", "transport": "tcp", "signature_scheme": "hmac-sha256", "key": string(k.wire.key), "kernel_name": k.spec.Name,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// startProcess puts the kernel into a process group of its own: it does not
// see the terminal's Ctrl-C, and what it starts can be ended with it.
func (k *Kernel) startProcess(connection, dir string, env []string) error {
	log, err := os.Create(k.logName())
	if err != nil {
		return err
	}
	defer log.Close()
	argv := k.spec.command(connection)
	k.cmd = exec.Command(argv[0], argv[1:]...)
	k.cmd.Dir, k.cmd.Env = dir, k.spec.environ(env)
	k.cmd.Stdout, k.cmd.Stderr = log, log // a file, so that nothing can hold Wait open
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := k.cmd.Start(); err != nil {
		return err
	}
	go func() {
		k.exit = k.cmd.Wait()
		close(k.dead)
	}()
	return nil
}

// dial tells connected when all sockets are, or why they cannot be.
func (k *Kernel) dial(ports []int, connected chan<- error) {
	s := k.sockets
	for i, socket := range []zmq4.Socket{s.shell, s.control, s.iopub} {
		if err := socket.Dial(fmt.Sprintf("tcp://127.0.0.1:%d", ports[i])); err != nil {
			connected <- err
			return
		}
	}
	connected <- s.iopub.SetOption(zmq4.OptionSubscribe, "")
	go k.pump(s.shell, false)
	go k.pump(s.iopub, true)
	for { // control is read only to be emptied: GoNB answers on shell
		if _, err := s.control.Recv(); err != nil {
			return
		}
	}
}

// pump hands on what a socket receives until the socket ends.
func (k *Kernel) pump(socket zmq4.Socket, iopub bool) {
	for {
		frames, err := socket.Recv()
		if err != nil {
			return // the kernel's end is told by dead
		}
		m, err := k.wire.decode(frames.Frames)
		k.post(received{m, iopub, err})
	}
}

// post hands on a message unless nobody will ever read it.
func (k *Kernel) post(r received) {
	select {
	case k.messages <- r:
	case <-k.closed:
	}
}

// connect waits until the kernel answers on shell and is heard on iopub: what
// it publishes before our subscription reaches it is lost.
func (k *Kernel) connect(ctx context.Context) error {
	connected := make(chan error, 1)
	go k.dial(k.ports, connected)
	ask := time.NewTicker(250 * time.Millisecond)
	defer ask.Stop()
	answered, heard := false, false
	for !answered || !heard {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-k.dead:
			return k.died()
		case err = <-connected:
			k.connected = err == nil
		case <-ask.C:
			if k.connected {
				_, err = k.request(k.sockets.shell, "kernel_info_request", struct{}{})
			}
		case r := <-k.messages:
			heard = heard || r.iopub
			answered = answered || r.Header.Type == "kernel_info_reply"
			err = r.err
			if r.Header.Type == "kernel_info_reply" {
				err = k.introduce(r.Content)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Kernel) introduce(reply []byte) error {
	var info struct {
		Language map[string]any `json:"language_info"`
	}
	if err := decodeContent(reply, &info); err != nil {
		return fmt.Errorf("kernel_info_reply: %w", err)
	}
	k.Language = info.Language
	return nil
}

func (k *Kernel) request(socket zmq4.Socket, kind string, content any) (id string, err error) {
	id, frames, err := k.wire.encode(kind, header{}, content)
	if err != nil {
		return "", err
	}
	return id, socket.SendMulti(zmq4.NewMsgFrom(frames...))
}

// Interrupt asks the kernel to end what it is executing.
func (k *Kernel) Interrupt() error {
	if k.spec.InterruptMode != "message" {
		return k.cmd.Process.Signal(os.Interrupt)
	}
	_, err := k.request(k.sockets.control, "interrupt_request", struct{}{})
	return err
}

// Close asks the kernel to shut down, ends it and all it started if it does
// not within some seconds, and removes its temporary files. Call it once.
func (k *Kernel) Close() {
	stop := func() error {
		_, err := k.request(k.sockets.control, "shutdown_request", map[string]bool{"restart": false})
		return err
	}
	if !k.connected || !k.ends(stop) {
		k.ends(func() error { return syscall.Kill(-k.cmd.Process.Pid, syscall.SIGTERM) })
	}
	// Also when the kernel is gone: its group may live on.
	_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
	<-k.dead
	killMarked(kernelVariable + "=" + k.wire.session)
	close(k.closed)
	k.cancel()
	for _, s := range []zmq4.Socket{k.sockets.shell, k.sockets.control, k.sockets.iopub} {
		_ = s.Close()
	}
	_ = os.RemoveAll(k.dir)
}

// ends does what should end the kernel and tells whether it did.
func (k *Kernel) ends(do func() error) bool {
	const patience = 3 * time.Second
	select {
	case <-k.dead:
		return true
	default:
	}
	if do() != nil {
		return false
	}
	select {
	case <-k.dead:
		return true
	case <-time.After(patience):
		return false
	}
}

// killMarked ends every process with this setting in its environment: gopls
// leaves the kernel's process group. It needs /proc; elsewhere a kernel that
// shuts down in order ends its gopls itself.
func killMarked(setting string) {
	mark := []byte("\x00" + setting + "\x00")
	for range 10 { // a process may start another while we look
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		found := false
		for _, f := range files {
			env, err := os.ReadFile(f)
			if err != nil || !bytes.Contains(append([]byte{0}, env...), mark) {
				continue
			}
			var pid int
			if _, err := fmt.Sscanf(f, "/proc/%d/environ", &pid); err == nil && pid != os.Getpid() {
				found = syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
		if !found {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (k *Kernel) died() error {
	if k.exit != nil {
		return fmt.Errorf("%w: %v", errDied, k.exit)
	}
	return errDied
}

func (k *Kernel) logName() string { return filepath.Join(k.dir, "kernel.log") }

// logTail is the end of what the kernel itself printed.
func (k *Kernel) logTail() []byte {
	const keep = 2000
	raw, err := os.ReadFile(k.logName())
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(raw[max(0, len(raw)-keep):])
}

func afterLog(log []byte) string {
	if len(log) == 0 {
		return ""
	}
	return "; the end of its log:\n" + stripANSI(string(log))
}
