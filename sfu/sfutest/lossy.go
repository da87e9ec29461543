package sfutest

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// lossy is a network that loses packets, or a client that forges them.
type lossy struct{ config Config }

// NewInterceptor implements interceptor.Factory.
func (l lossy) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &lossyStream{config: l.config}, nil
}

type lossyStream struct {
	interceptor.NoOp
	config Config
}

// BindLocalStream loses what is sent.
func (l *lossyStream) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	if l.config.LoseUplink == nil && l.config.Forge == nil {
		return next
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if l.config.LoseUplink != nil && l.config.LoseUplink() {
			return h.MarshalSize() + len(payload), nil
		}
		if l.config.Forge != nil {
			forged := *h // the caller's may be shared
			l.config.Forge(&forged)
			h = &forged
		}
		return next.Write(h, payload, a)
	})
}

// BindRemoteStream loses what is received.
func (l *lossyStream) BindRemoteStream(_ *interceptor.StreamInfo, next interceptor.RTPReader) interceptor.RTPReader {
	if l.config.LoseDownlink == nil {
		return next
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := next.Read(b, a)
			if err != nil || !l.config.LoseDownlink() {
				return n, attributes, err
			}
		}
	})
}
