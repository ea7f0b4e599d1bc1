#!/usr/bin/env bash
# Makes a folder of media as people really have them, odd ones included, with other programs than mmpipe's own
# libraries: ImageMagick, ffmpeg and espeak-ng (Debian packages imagemagick, ffmpeg, espeak-ng).
#
#   examples/make_odd_media.sh FOLDER && mmpipe run FOLDER && mmpipe quarantine
set -euo pipefail
folder=${1:?usage: make_odd_media.sh FOLDER}
mkdir -p "$folder"/{photos,recordings,films,texts,odd}
cd "$folder"
magick=/usr/bin/convert # ImageMagick 6; version 7 calls it magick
ff() { ffmpeg -nostdin -v error -y "$@"; }

# photos: fractal landscapes in every format and colour model
for n in 1 2 3 4; do
    "$magick" -seed "$n" -size 900x600 plasma:fractal -blur 0x1 "photos/landscape-$n.jpg"
done
"$magick" photos/landscape-1.jpg -colorspace CMYK photos/cmyk.jpg
"$magick" photos/landscape-2.jpg -interlace JPEG photos/progressive.jpg
"$magick" photos/landscape-2.jpg -colors 16 PNG8:photos/palette.png
"$magick" -seed 5 -size 300x300 gradient:red-blue -depth 16 photos/deep.png
"$magick" -seed 6 -size 200x200 plasma: -alpha set -channel A -evaluate set 40% photos/alpha.webp
"$magick" -seed 7 -size 120x90 plasma: photos/bitmap.bmp
"$magick" -seed 8 -size 400x300 plasma: -compress LZW photos/scan.tiff
"$magick" -delay 20 -seed 9 -size 100x100 plasma: plasma: plasma: photos/animated.gif
for turn in 3 6 8; do # EXIF orientation, written by ImageMagick itself
    "$magick" photos/landscape-3.jpg -orient "$(case $turn in 3) echo BottomRight ;; 6) echo RightTop ;; 8) echo LeftBottom ;; esac)" "photos/rotated-$turn.jpg"
done

# recordings: speech and tones at every rate
espeak-ng -v en -w recordings/speech.wav "A red bell rings beside the harbour."
espeak-ng -v de -w recordings/rede.wav "Eine rote Glocke läutet am Hafen."
ff -i recordings/speech.wav -ar 8000 -c:a pcm_mulaw recordings/telephone.wav
ff -i recordings/speech.wav -ac 2 -ar 48000 -c:a libmp3lame recordings/as-mp3.mp3
ff -i recordings/speech.wav -ar 48000 -c:a libopus recordings/as-opus.opus
ff -i recordings/speech.wav -c:a aac recordings/as-m4a.m4a
ff -f lavfi -i "sine=frequency=440:duration=3:sample_rate=192000" -ac 6 -c:a flac recordings/surround.flac
ff -f lavfi -i "sine=frequency=300:duration=95" -ar 22050 -c:a libvorbis recordings/long.ogg
printf 'A red bell rings beside the harbour.\n' >recordings/speech.txt

# films: every codec, a turned one, one with a variable frame rate, a long one
film=(-f lavfi -i "testsrc2=size=320x240:rate=25:duration=4" -f lavfi -i "sine=frequency=500:duration=4")
ff "${film[@]}" -c:v libx264 -pix_fmt yuv420p -bf 3 -c:a aac films/h264.mp4
ff "${film[@]}" -c:v libx265 -pix_fmt yuv420p -x265-params log-level=none -c:a aac films/hevc.mov
ff "${film[@]}" -c:v libvpx-vp9 -b:v 200k -c:a libopus films/vp9.webm
ff "${film[@]}" -c:v libsvtav1 -preset 10 -c:a libopus films/av1.mkv 2>/dev/null
ff "${film[@]}" -c:v mpeg4 -c:a libmp3lame films/divx.avi
ff -display_rotation 90 -i films/h264.mp4 -c copy films/turned.mp4 2>/dev/null || cp films/h264.mp4 films/turned.mp4
ff -f lavfi -i "mandelbrot=size=320x240:rate=30" -t 4 -vf "select='not(mod(n,3))+lt(t,1)'" -fps_mode vfr -c:v libx264 -pix_fmt yuv420p films/variable.mp4
ff -f lavfi -i "testsrc=size=160x120:rate=5:duration=150" -c:v libx264 -pix_fmt yuv420p films/long.mkv

# texts: encodings and formats
printf '<html><head><title>Harbour</title><script>alert(1)</script></head><body><h1>Bells</h1><p>A red bell &amp; a blue drum.</p></body></html>' >texts/page.html
printf 'Die Glocke läutet. Straße, Öl.' | iconv -t LATIN1 >texts/latin1.txt
printf '红色的钟在港口响起。蓝色的鼓在远处。大家都听见了这个声音。' | iconv -t GB18030 >texts/gb18030.txt
printf 'A bell in two bytes for each letter.' | iconv -t UTF-16 >texts/utf16.txt
printf '{"text": "a yellow whistle", "year": 2021}\n' >texts/record.json
printf '# Notes\n\n* a *red* bell 🔔\n' >texts/notes.md

# odd: what must end in quarantine, or be taken for what it is
printf 'just words' >odd/words.jpg
head -c 700 photos/landscape-1.jpg >odd/truncated.jpg
head -c 4000 films/h264.mp4 >odd/truncated.mp4
: >odd/empty.png
head -c 3000 /dev/urandom >odd/noise.wav
"$magick" -size 400x300 xc:white odd/blank.jpg
ff -f lavfi -i "anullsrc=r=16000:cl=mono" -t 3 odd/silence.flac
ff -f lavfi -i "color=black:size=160x120:rate=10:duration=3" -c:v libx264 -pix_fmt yuv420p odd/black.mp4
ff -f lavfi -i "color=red:size=12000x12000" -frames:v 1 -pix_fmt pal8 odd/bomb.png 2>/dev/null
printf '   \n\t ' >odd/blanks.txt
echo "made $(find . -type f | wc -l) files in $folder"
