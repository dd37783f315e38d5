package notebook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	// interruptPatience is how long a cell may take to end after an interrupt;
	// GoNB kills its program after 5 seconds.
	interruptPatience = 7 * time.Second
	// idlePatience is how long the kernel may keep silent on iopub after its
	// reply.
	idlePatience = 10 * time.Second
)

// reply is what a kernel answers to an execution.
type reply struct {
	Status    string   `json:"status"`
	Count     int      `json:"execution_count"`
	ErrName   string   `json:"ename"`
	ErrValue  string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// execute runs code and hands on every message that the kernel publishes
// meanwhile, whatever it answers to; own tells whether it is this execution's.
// When ctx ends, the kernel is interrupted and the context's cause returned.
func (k *Kernel) execute(ctx context.Context, code string, handle func(m message, own bool)) (reply, error) {
	id, err := k.request(k.sockets.shell, "execute_request", map[string]any{
		"code": code, "silent": false, "store_history": true,
		"user_expressions": struct{}{}, "allow_stdin": false, "stop_on_error": true,
	})
	if err != nil {
		return reply{}, err
	}
	var (
		answer           reply
		replied, idle    bool
		late             <-chan time.Time // fires when patience is at an end
		failure          error            // returned once the cell has ended
		canceled, killed = ctx.Done(), k.dead
	)
	for !replied || !idle {
		select {
		case <-canceled:
			canceled, failure = nil, context.Cause(ctx)
			if err := k.Interrupt(); err != nil {
				return answer, errors.Join(failure, err)
			}
			late = time.After(interruptPatience)
		case <-late:
			if failure == nil {
				failure = fmt.Errorf("the kernel answered but did not report the end of its output within %v", idlePatience)
			}
			return answer, failure
		case <-killed:
			// What it said before it ended may still be on its way.
			killed, failure = nil, errors.Join(failure, k.died())
			late = time.After(200 * time.Millisecond)
		case r := <-k.messages:
			if r.err != nil {
				return answer, r.err
			}
			own := r.Parent.ID == id
			if r.iopub {
				handle(r.message, own)
				idle = idle || own && isIdle(r.message)
				continue
			}
			if own && r.Header.Type == "execute_reply" {
				if err := decodeContent(r.Content, &answer); err != nil {
					return answer, fmt.Errorf("execute_reply: %w", err)
				}
				replied = true
				if late == nil {
					late = time.After(idlePatience)
				}
			}
		}
	}
	return answer, failure
}

// drain hands on what the kernel still publishes for a moment.
func (k *Kernel) drain(handle func(m message, own bool)) {
	for quiet := time.After(50 * time.Millisecond); ; {
		select {
		case <-quiet:
			return
		case r := <-k.messages:
			if r.err == nil && r.iopub {
				handle(r.message, false)
			}
		}
	}
}

func isIdle(m message) bool {
	if m.Header.Type != "status" {
		return false
	}
	var status struct {
		State string `json:"execution_state"`
	}
	return json.Unmarshal(m.Content, &status) == nil && status.State == "idle"
}

// decodeContent keeps numbers as they were written.
func decodeContent(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(v)
}
