/**
 * The formats and codecs that people's recordings have, by FFmpeg's names: what a server takes from
 * strangers. Each is a piece of code that reads hostile bytes, so the list is short; exotic ones (games,
 * cameras, trackers, image sequences) are left out, and so is everything that refers to other files.
 */
#ifndef SO_AUDIO_COMMON_H
#define SO_AUDIO_COMMON_H

/** Demuxers. A demuxer of several names (mov,mp4,m4a,..) is meant by any of them. */
#define SO_COMMON_FORMATS \
    "wav,w64,aiff,au,caf,mp3,aac,flac,ogg,mp4,matroska,webm,amr,ac3,asf,avi,mpegts,mpeg,flv"

/** Decoders. */
#define SO_COMMON_CODECS                                                                              \
    "aac,aac_fixed,aac_latm,ac3,eac3,alac,amrnb,amrwb,flac,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3," \
    "mp3float,"                                                                                       \
    "opus,libopus,vorbis,speex,wmav1,wmav2,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_g726,g722,"      \
    "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"   \
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"

#endif
