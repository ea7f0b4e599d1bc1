"""``builtin:tiny``: five small towers into one space, trained on a world this package draws and synthesises.

===========================  ===========================================================================
:mod:`.world`                scenes, their attributes, what each modality shows of them, the held-out split
:mod:`.words`                the one place with the words for each attribute
:mod:`.captions`             scene -> text
:mod:`.shapes`               the outline of each kind of thing
:mod:`.pictures`             scene -> image
:mod:`.sounds`               scene -> audio
:mod:`.films`                scene -> video
:mod:`.depths`               scene -> depth map
:mod:`.codecs`               what real files do to payloads: JPEG, MP3, H.264, 16-bit PNG
:mod:`.dataset`              scenes -> arrays for training
:mod:`.towers`, :mod:`.loss` the networks and what they minimise (torch)
:mod:`.train`                the loop: seeded, resumable, recorded (torch)
:mod:`.export`               trained towers -> a model package (torch)
:mod:`.retrieval`            relevance, recall, average precision
:mod:`.evaluate`             held-out scenes through the path that users take
===========================  ===========================================================================

Nothing here is imported for inference, and torch is imported only by the modules marked so.
"""
