//go:build unix

package artifact_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// childTask, set in the environment, makes the test binary do one of the
// tasks below in the store childDir instead of the tests.
const childTask, childDir = "JACARD_TEST_CHILD", "JACARD_TEST_DIR"

var childTasks = map[string]func(s *artifact.Store) error{
	"write": writeForEver,
	"slow":  func(s *artifact.Store) error { return countedStep(s, 300*time.Millisecond) },
	"stuck": func(s *artifact.Store) error { return countedStep(s, time.Hour) },
	"full":  writeBeyondLimit,
}

func TestMain(m *testing.M) {
	task, ok := childTasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	s, err := artifact.Open(os.Getenv(childDir))
	if err == nil {
		err = task(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, dir, task string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childTask+"="+task, childDir+"="+dir)
	return cmd
}

// seeded is a step whose values follow from its seed.
func seeded(seed uint64) (artifact.Spec, func(context.Context) (*codes, error)) {
	sp := artifact.Spec{Name: "seeded", Version: 1, Seed: seed, Backend: "test"}
	return sp, func(context.Context) (*codes, error) {
		c := &codes{Values: array.New(1+int(seed%7)*100, 64), Loss: float64(seed)}
		for i := range c.Values.Data {
			c.Values.Data[i] = float32(seed) + float32(i)
		}
		return c, nil
	}
}

// page is a file whose content shows at once whether it is whole.
func page(n uint64) []byte { return bytes.Repeat([]byte{byte('a' + n%26)}, 100_000) }

// writeForEver makes one result after the other and says which are finished.
func writeForEver(s *artifact.Store) error {
	s.Announce = nil
	for seed := uint64(0); ; seed++ {
		sp, compute := seeded(seed)
		if _, err := artifact.Step(context.Background(), s, sp, compute); err != nil {
			return err
		}
		if err := artifact.WriteFile(filepath.Join(s.Dir(), "..", "page"), func(w io.Writer) error {
			_, err := w.Write(page(seed))
			return err
		}); err != nil {
			return err
		}
		fmt.Println(seed)
	}
}

// TestKillAtAnyInstant kills a process that writes results, again and again.
// Whatever it had finished must be there, whole; nothing else may be seen.
func TestKillAtAnyInstant(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := artifact.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Announce = func(line string) {
		if !strings.HasPrefix(line, "loaded") {
			t.Errorf("said %q", line)
		}
	}
	rounds := 40
	if testing.Short() {
		rounds = 6
	}
	finished, left := int64(-1), 0
	for round := range rounds {
		finished = max(finished, killed(t, dir, round))
		for seed := range uint64(finished + 1) {
			sp, compute := seeded(seed)
			got, err := artifact.Step(t.Context(), s, sp, func(context.Context) (*codes, error) {
				return nil, errors.New("was finished, is not there")
			})
			if err != nil {
				t.Fatalf("round %d: seed %d of 0…%d: %v", round, seed, finished, err)
			}
			if want, _ := compute(t.Context()); !got.Values.Equal(want.Values) || got.Loss != want.Loss {
				t.Fatalf("round %d: seed %d has other values", round, seed)
			}
		}
		list, err := s.List()
		if err != nil || int64(len(list)) < finished+1 {
			t.Fatalf("round %d: %d listed, %d finished, %v", round, len(list), finished+1, err)
		}
		for _, e := range list {
			if err := s.Verify(e.ID); err != nil {
				t.Fatalf("round %d: visible, but not whole: %v", round, err)
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, "..", "page")); err == nil && !bytes.Equal(b, page(uint64(b[0]-'a'))) {
			t.Fatalf("round %d: the page is not whole", round)
		}
		if temp, _ := filepath.Glob(filepath.Join(dir, ".tmp", "*")); len(temp) > 0 {
			left++
		}
		if round%3 == 2 { // else the next process finds what this one left
			for _, e := range list {
				if err := s.Remove(e.ID); err != nil {
					t.Fatal(err)
				}
			}
			finished = -1
		}
	}
	if _, err := s.Clean(); err != nil {
		t.Error(err)
	}
	if temp, _ := filepath.Glob(filepath.Join(dir, ".tmp", "*")); len(temp) > 0 {
		t.Errorf("Clean left %v", temp)
	}
	t.Logf("%d of %d kills fell into a write", left, rounds)
}

// killed starts a writing process, kills it after a random time, and returns
// the last seed it finished.
func killed(t *testing.T, dir string, round int) (finished int64) {
	t.Helper()
	cmd := child(t, dir, "write")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(round)))
	timer := time.AfterFunc(time.Duration(5_000+r.IntN(120_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	finished = -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if finished, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("round %d: the child ended by itself: %v", round, err)
	}
	return finished
}

// countedStep notes in a file beside the store that it really computes.
func countedStep(s *artifact.Store, d time.Duration) error {
	sp, compute := seeded(3)
	c, err := artifact.Step(context.Background(), s, sp, func(ctx context.Context) (*codes, error) {
		f, err := os.OpenFile(filepath.Join(s.Dir(), "..", "computed"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
			return nil, err
		}
		time.Sleep(d)
		return compute(ctx)
	})
	if err == nil && c.Loss != 3 {
		err = fmt.Errorf("wrong value %v", c.Loss)
	}
	return err
}

func TestTwoProcessesComputeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var cmds []*exec.Cmd
	var said [4]bytes.Buffer
	for i := range said {
		cmd := child(t, dir, "slow")
		cmd.Stderr = &said[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	computed, loaded := 0, 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, said[i].String())
		}
		computed += strings.Count(said[i].String(), "computed seeded")
		loaded += strings.Count(said[i].String(), "loaded seeded")
	}
	if n := len(computedBy(t, dir)); n != 1 || computed != 1 || loaded != 3 {
		t.Errorf("computed by %d processes; %d said computed, %d said loaded; want 1, 1, 3", n, computed, loaded)
	}
}

// TestDeadProcessFreesItsStep: who waits for a process that is killed takes
// over and computes.
func TestDeadProcessFreesItsStep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	stuck, heir := child(t, dir, "stuck"), child(t, dir, "slow")
	if err := stuck.Start(); err != nil {
		t.Fatal(err)
	}
	defer stuck.Process.Kill()
	for len(computedBy(t, dir)) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	said, err := heir.StderrPipe()
	if err == nil {
		err = heir.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	if want := fmt.Sprintf("waiting for process %d", stuck.Process.Pid); !lines.Scan() || !strings.Contains(lines.Text(), want) {
		t.Errorf("said %q, want %q", lines.Text(), want)
	}
	if err := stuck.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = stuck.Wait()
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "computed seeded") {
		t.Errorf("said %q, want computed", lines.Text())
	}
	if err := heir.Wait(); err != nil {
		t.Error(err)
	}
	if by := computedBy(t, dir); len(by) != 2 || by[1] != strconv.Itoa(heir.Process.Pid) {
		t.Errorf("computed by %v", by)
	}
}

func computedBy(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "..", "computed"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// writeBeyondLimit may write files of 10,000 bytes at most, as if the disk
// were full then, and wants an error that says so and leaves nothing.
func writeBeyondLimit(s *artifact.Store) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10_000, Max: 10_000}); err != nil {
		return err
	}
	sp, compute := seeded(6)
	_, err := artifact.Step(context.Background(), s, sp, compute)
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "was computed, but not kept") {
		return fmt.Errorf("step: got error %v", err)
	}
	err = artifact.WriteFile(filepath.Join(s.Dir(), "page"), func(w io.Writer) error { _, err := w.Write(page(0)); return err })
	if !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("file: got error %v", err)
	}
	return nil
}

func TestFullDiskLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if out, err := child(t, dir, "full").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if files := tree(t, dir); len(files) != 0 {
		t.Errorf("left %v", files)
	}
}

func TestReadOnlyStoreLoadsWhatItHas(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	s, _ := open(t)
	sp, compute := seeded(1)
	if _, err := artifact.Step(t.Context(), s, sp, compute); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir(), ".locks")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.Dir(), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(s.Dir(), 0o755)
	if _, err := artifact.Step(t.Context(), s, sp, compute); err != nil {
		t.Errorf("a stored result: %v", err)
	}
	sp, compute = seeded(2)
	if _, err := artifact.Step(t.Context(), s, sp, compute); err == nil || !strings.Contains(err.Error(), "choose a folder that can be written") {
		t.Errorf("a new result: %v", err)
	}
}
