package notebook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// protocolVersion is the version of Jupyter's messaging that we speak.
const protocolVersion = "5.3"

var delimiter = []byte("<IDS|MSG>")

// message is one message of Jupyter's protocol.
type message struct {
	Header, Parent header
	Content        json.RawMessage
}

type header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
}

// wire turns messages into signed frames and back.
type wire struct {
	key     []byte
	session string
}

// encode makes the frames of a message; parent may be the zero header.
func (w wire) encode(kind string, parent header, content any) (id string, frames [][]byte, err error) {
	h := header{
		ID: uuid.NewString(), Session: w.session, Username: "jacard", Type: kind, Version: protocolVersion,
		Date: time.Now().UTC().Format(time.RFC3339Nano),
	}
	var parentField any = parent
	if parent == (header{}) {
		parentField = struct{}{}
	}
	parts := make([][]byte, 4)
	for i, v := range []any{h, parentField, struct{}{}, content} {
		if parts[i], err = json.Marshal(v); err != nil {
			return "", nil, fmt.Errorf("notebook: message %s: %w", kind, err)
		}
	}
	return h.ID, append([][]byte{delimiter, w.sign(parts)}, parts...), nil
}

// decode checks the signature. Frames before the delimiter are routing.
func (w wire) decode(frames [][]byte) (message, error) {
	for len(frames) > 0 && !bytes.Equal(frames[0], delimiter) {
		frames = frames[1:]
	}
	if len(frames) < 6 {
		return message{}, errors.New("notebook: a message from the kernel lacks parts")
	}
	parts := frames[2:6]
	if !hmac.Equal(frames[1], w.sign(parts)) {
		return message{}, errors.New("notebook: a message from the kernel has a wrong signature")
	}
	m := message{Content: parts[3]}
	if err := json.Unmarshal(parts[0], &m.Header); err != nil {
		return message{}, fmt.Errorf("notebook: header of a message: %w", err)
	}
	if err := json.Unmarshal(parts[1], &m.Parent); err != nil {
		return message{}, fmt.Errorf("notebook: parent of a message: %w", err)
	}
	return m, nil
}

func (w wire) sign(parts [][]byte) []byte {
	h := hmac.New(sha256.New, w.key)
	for _, p := range parts {
		h.Write(p)
	}
	return []byte(hex.EncodeToString(h.Sum(nil)))
}
