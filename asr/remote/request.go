package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"

	"souffleur/asr"
)

// request builds one request. Field names are those of OpenAI's API; others are not sent, because strict services refuse them.
func (e *Endpoint) request(ctx context.Context, q question, want detail) (*http.Request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	fields := [][2]string{{"model", e.cfg.Model}, {"temperature", "0"}}
	if q.lang != "" {
		fields = append(fields, [2]string{"language", q.lang})
	}
	if q.prompt != "" {
		fields = append(fields, [2]string{"prompt", q.prompt})
	}
	fields = append(fields, want.fields()...)
	var errs []error
	for _, f := range fields {
		errs = append(errs, form.WriteField(f[0], f[1]))
	}
	file, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="speech.wav"`}, "Content-Type": {"audio/wav"},
	})
	if err == nil {
		_, err = file.Write(q.wav)
	}
	if err := errors.Join(append(errs, err, form.Close())...); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(body.Bytes()))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	if e.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+e.cfg.Token)
	}
	return req, nil
}

// fields are the fields that ask for a detail. Segments are asked for beside words: some services leave out what is not
// named, and only segments have probabilities and punctuation.
func (d detail) fields() [][2]string {
	switch d {
	case wantWords:
		return [][2]string{
			{"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}, {"timestamp_granularities[]", "segment"},
		}
	case wantSegments:
		return [][2]string{{"response_format", "verbose_json"}}
	}
	return [][2]string{{"response_format", "json"}}
}

// wavHeader is the length of the header that encodeWAV writes, in bytes.
const wavHeader = 44

// encodeWAV returns pcm as a WAV file: 16 kHz mono, 16 bit, followed by silence if it is shorter than minSamples.
func encodeWAV(pcm []float32) []byte {
	n := max(len(pcm), minSamples)
	b := make([]byte, 0, wavHeader+2*n)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(wavHeader-8+2*n))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16) // length of the format
	b = le.AppendUint16(b, 1)  // PCM
	b = le.AppendUint16(b, 1)  // channel
	b = le.AppendUint32(b, asr.SampleRate)
	b = le.AppendUint32(b, 2*asr.SampleRate) // bytes a second
	b = le.AppendUint16(b, 2)                // bytes of all channels' samples
	b = le.AppendUint16(b, 16)               // bits
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*n))
	for _, s := range pcm {
		b = le.AppendUint16(b, uint16(int16(math.Round(float64(min(max(s, -1), 1))*math.MaxInt16))))
	}
	return b[:wavHeader+2*n] // the rest is zero
}
