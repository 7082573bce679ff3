"""Stream sources: the procedural traffic scene, files, cameras, RTSP and pictures in memory."""
