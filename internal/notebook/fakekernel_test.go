package notebook

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// TestMain runs the tests, or is a kernel itself: the tests' kernel.json names
// this very program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "kernel" {
		if err := fakeKernel(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fakeSpec is a kernel whose code is a list of commands, see fake.command.
func fakeSpec(t *testing.T) Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "with a space", "fake")
	raw, err := json.Marshal(map[string]any{
		"argv": []string{self, "kernel", "{connection_file}"}, "display_name": "Fake", "language": "list",
		"interrupt_mode": "message", "env": map[string]string{"FAKE_DIR": "{resource_dir}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	spec, err := LoadSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

type fake struct {
	wire      wire
	shell     zmq4.Socket
	iopub     zmq4.Socket
	lock      sync.Mutex // of iopub
	interrupt chan struct{}
	count     int
}

func fakeKernel(connection string) error {
	if os.Getenv("FAKE_START") == "fail" {
		return fmt.Errorf("no can do")
	}
	if os.Getenv("FAKE_START") == "silent" {
		signal.Ignore(os.Interrupt)
		time.Sleep(time.Hour)
	}
	raw, err := os.ReadFile(connection)
	if err != nil {
		return err
	}
	var c struct {
		Shell   int `json:"shell_port"`
		Control int `json:"control_port"`
		Iopub   int `json:"iopub_port"`
		Key     string
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	ctx := context.Background()
	control := zmq4.NewRouter(ctx)
	k := &fake{
		wire:  wire{key: []byte(c.Key), session: "fake"},
		shell: zmq4.NewRouter(ctx), iopub: zmq4.NewPub(ctx), interrupt: make(chan struct{}, 1),
	}
	for socket, port := range map[zmq4.Socket]int{k.shell: c.Shell, control: c.Control, k.iopub: c.Iopub} {
		if err := socket.Listen(fmt.Sprintf("tcp://127.0.0.1:%d", port)); err != nil {
			return err
		}
	}
	go k.serve(k.shell)
	return k.serve(control)
}

func (k *fake) serve(socket zmq4.Socket) error {
	for {
		frames, err := socket.Recv()
		if err != nil {
			return err
		}
		m, err := k.wire.decode(frames.Frames)
		if err != nil {
			return err
		}
		answer := func(kind string, content any) {
			_, out, err := k.wire.encode(kind, m.Header, content)
			if err == nil {
				_ = socket.SendMulti(zmq4.NewMsgFrom(append([][]byte{frames.Frames[0]}, out...)...))
			}
		}
		switch m.Header.Type {
		case "interrupt_request":
			k.interrupt <- struct{}{}
		case "shutdown_request":
			if os.Getenv("FAKE_SHUTDOWN") == "never" {
				signal.Ignore(os.Interrupt)
				continue
			}
			os.Exit(0)
		case "kernel_info_request":
			k.publish(m, "status", map[string]string{"execution_state": "busy"})
			answer("kernel_info_reply", map[string]any{"language_info": map[string]string{"name": "list"}})
			k.publish(m, "status", map[string]string{"execution_state": "idle"})
		case "execute_request":
			k.publish(m, "status", map[string]string{"execution_state": "busy"})
			k.count++
			var request struct{ Code string }
			_ = json.Unmarshal(m.Content, &request)
			answer("execute_reply", k.execute(m, request.Code))
			k.publish(m, "status", map[string]string{"execution_state": "idle"})
		}
	}
}

func (k *fake) publish(parent message, kind string, content any) {
	k.lock.Lock()
	defer k.lock.Unlock()
	_, out, err := k.wire.encode(kind, parent.Header, content)
	if err == nil {
		_ = k.iopub.SendMulti(zmq4.NewMsgFrom(append([][]byte{[]byte(kind)}, out...)...))
	}
}

func (k *fake) execute(m message, code string) map[string]any {
	for lines := bufio.NewScanner(strings.NewReader(code)); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if failed := k.command(m, name, text); failed != "" {
			return map[string]any{"status": "error", "execution_count": k.count, "ename": name, "evalue": failed, "traceback": []string{"at " + failed}}
		}
	}
	return map[string]any{"status": "ok", "execution_count": k.count, "user_expressions": map[string]any{}}
}

func (k *fake) command(m message, name, text string) (failed string) {
	if unquoted, err := unquote(text); err == nil {
		text = unquoted
	}
	id, html, _ := strings.Cut(text, " ")
	bundle := func(html string) map[string]any {
		return map[string]any{
			"data": map[string]any{"text/html": html}, "metadata": map[string]any{},
			"execution_count": k.count, "transient": map[string]string{"display_id": id},
		}
	}
	switch name {
	case "stdout", "stderr":
		k.publish(m, "stream", map[string]string{"name": name, "text": text})
	case "display":
		k.publish(m, "display_data", bundle(html))
	case "result":
		k.publish(m, "execute_result", bundle(html))
	case "update":
		k.publish(message{Header: header{ID: "someone else"}}, "update_display_data", bundle(html))
	case "clear":
		k.publish(m, "clear_output", map[string]bool{"wait": text == "wait"})
	case "error":
		k.publish(m, "error", map[string]any{"ename": "error", "evalue": text, "traceback": []string{"at " + text}})
		return text
	case "env":
		k.publish(m, "stream", map[string]string{"name": "stdout", "text": os.Getenv(text)})
	case "cwd":
		dir, _ := os.Getwd()
		k.publish(m, "stream", map[string]string{"name": "stdout", "text": dir})
	case "die":
		fmt.Fprintln(os.Stderr, "last words")
		time.Sleep(100 * time.Millisecond) // until what was published is sent
		os.Exit(7)
	case "hang":
		<-k.interrupt
		k.publish(m, "stream", map[string]string{"name": "stderr", "text": "interrupted\n"})
	case "deaf":
		time.Sleep(time.Hour)
	case "child": // leaves a process that ends by nobody's wish but ours
		child := exec.Command("sleep", "1000")
		_ = child.Start()
		k.publish(m, "stream", map[string]string{"name": "stdout", "text": fmt.Sprint(child.Process.Pid)})
	}
	return ""
}

func unquote(s string) (string, error) {
	var out string
	err := json.Unmarshal([]byte(s), &out)
	return out, err
}
