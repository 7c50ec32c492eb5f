/**
 * Every limit of the server, in one place. Those with an option have their default here; docs/server.md says
 * what each one answers to. Seconds unless said otherwise.
 */
#ifndef SO_SERVER_LIMITS_H
#define SO_SERVER_LIMITS_H

/* ---- with options (see settings.c) ---- */
#define SO_DEFAULT_PORT 9004
#define SO_DEFAULT_UPLOAD_MIB 512        /**< bytes of one request's body, counted as they come */
#define SO_DEFAULT_AUDIO_SECONDS 14400.0 /**< of decoded sound, counted as they come */
#define SO_DEFAULT_HEADER_SECONDS \
    15                              /**< from the connection (or the last answer) to the end of the headers */
#define SO_DEFAULT_BODY_SECONDS 600 /**< from the end of the headers to the end of the body */
#define SO_DEFAULT_IDLE_SECONDS 20  /**< without a byte in either direction, while one is awaited */
#define SO_DEFAULT_ANSWER_SECONDS 600    /**< to take an answer that is ready */
#define SO_DEFAULT_DEADLINE_SECONDS 3600 /**< from the end of the body to the end of the work */
#define SO_DEFAULT_CONNECTIONS 1024      /**< open at once */
#define SO_DEFAULT_PER_ADDRESS 256       /**< of them from one address */
#define SO_DEFAULT_PARALLEL 8            /**< requests worked on at once: they share one batch */
#define SO_DEFAULT_QUEUE 256             /**< requests that wait or are worked on */
#define SO_DEFAULT_QUEUE_SECONDS 900.0   /**< of estimated work among those that wait */
#define SO_DEFAULT_SPOOL_MIB 4096        /**< bytes of all uploads that are held */
#define SO_DEFAULT_DRAIN_SECONDS 30      /**< that a stop waits for what is being worked on */
#define SO_DEFAULT_NPU_ERRORS 10         /**< percent of the last requests on the NPU that may fail */
#define SO_DEFAULT_KEEP_SECONDS 3600     /**< that the result of an asynchronous job is kept */
#define SO_DEFAULT_LIVE 16               /**< live sessions at once */
#define SO_DEFAULT_LIVE_IDLE 60          /**< without a message of a live client's */
#define SO_DEFAULT_LIVE_SECONDS 3600     /**< that one live session lasts */

/* ---- fixed ---- */
#define SO_MAX_MODELS 16
#define SO_MAX_KEYS 1024
#define SO_HEADER_BYTES (32 * 1024) /**< memory of a connection: request line and headers must fit */
#define SO_MAX_PARTS 256            /**< of a multipart body */
#define SO_PART_HEADER_BYTES 4096   /**< headers of one part */
#define SO_MAX_BOUNDARY 70          /**< RFC 2046, 5.1.1 */
#define SO_MAX_FIELD_BYTES 16384    /**< the value of one field that is no file */
#define SO_MAX_FIELDS_BYTES 65536   /**< of all of them together */
#define SO_MAX_REFERENCES 4          /**< voices that a request brings: as many as OpenAI takes */
#define SO_MAX_REFERENCE_BYTES (4 << 20)
#define SO_MAX_REFERENCE_SECONDS 30
#define SO_MAX_REFERENCE_HEAD 128   /**< of a data URL, before its comma */
#define SO_MAX_KEYWORDS 100         /**< hotwords and keywords[] */
#define SO_MAX_LABEL 80             /**< of a client's file name, for messages only */
#define SO_TICK_MS 200              /**< how often time-outs and vanished clients are looked for */
#define SO_PROBE_BYTES \
    (256 * 1024) /**< uploads below are not opened to learn their length before they are queued */
#define SO_GUESSED_BYTE_RATE 4000.0 /**< bytes a second of a recording whose length is unknown: 32 kbit/s */
#define SO_GUESSED_COST 0.1 /**< seconds of work for a second of sound, until a model has shown its own */
#define SO_EXPRESS_SECONDS 60.0           /**< of sound: one worker does nothing that is longer, so that short requests need not wait for long ones */
#define SO_MAX_RETRY_AFTER 600
#define SO_DISCARD_BYTES (32 << 20)       /**< of a body that is read on only so that its sender gets to see the answer */
#define SO_ENVELOPE_BYTES (1 << 20)       /**< of a body beside its file: other fields, boundaries */

/* ---- live sessions ---- */
#define SO_LIVE_MESSAGE_BYTES (2 << 20) /**< of one message: half a minute of sound in base64 */
#define SO_LIVE_FRAGMENTS 256           /**< of one message: each costs memory beside its bytes */
#define SO_LIVE_ROUND_BYTES 65536       /**< read before what is to be sent is looked at */
#define SO_LIVE_UNSENT_BYTES 262144     /**< of events that wait for a slow reader; beyond, nothing more is read of him */
#define SO_LIVE_UNSENT_FRAMES 4096      /**< the same, of frames: the answer to an empty ping has no bytes of its own */
#define SO_LIVE_MOST_PREFIX 2           /**< heard before a turn's first speech, at most */
#define SO_LIVE_TURN_SECONDS 300        /**< a longer turn ends by itself */
#define SO_LIVE_CLOSE_SECONDS 5         /**< for the other side to close, too */

/* ---- the process that decodes media ---- */
#define SO_MEDIA_MEMORY_MIB 1024  /**< address space */
#define SO_MEDIA_CPU_SECONDS 1800 /**< of one recording: four hours take some 100 */
#define SO_MEDIA_BLOCK 4096       /**< samples of one message */
#define SO_MEDIA_PROBE_SECONDS 20 /**< to learn a recording's length */

#endif
