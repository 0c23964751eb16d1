"""Other tools' names of ARKit's units: Character Creator, MetaHuman, Unified Expressions, SRanipal, Daz ...

A table is read after a name was split into lower-case words and joined again with its side at the end
(`key_names.words`), so case, prefix, separators and "_L" or "Left" do not matter;
what a tool calls as ARKit does needs no entry. Values are a unit, "unit*share", or several. Names that are
not sure are not here: a key that is left out stays still, one that is mistaken disfigures.
"""

from collections.abc import Mapping


def _both(table: Mapping[str, str]) -> dict[str, str]:
    """Names with "{}" once for each side, in units that end in "{}" too."""
    out = {}
    for name, unit in table.items():
        if "{}" in name:
            for side in ("left", "right"):
                out[name.format(side)] = unit.replace("{}", side.title())
        else:
            out[name] = unit
    return out


_CHARACTER_CREATOR = {
    "browraiseinner{}": "browInnerUp",
    "browraiseouter{}": "browOuterUp{}",
    "browdrop{}": "browDown{}",
    "cheekraise{}": "cheekSquint{}",
    "cheekblow{}": "cheekPuff",
    "noseflankraise{}": "noseSneer{}",
    "noseflanksraise": "noseSneer",
    "eyellookup": "eyeLookUpLeft",
    "eyerlookup": "eyeLookUpRight",
    "eyellookdown": "eyeLookDownLeft",
    "eyerlookdown": "eyeLookDownRight",
    "eyellookleft": "eyeLookOutLeft",
    "eyellookright": "eyeLookInLeft",
    "eyerlookleft": "eyeLookInRight",
    "eyerlookright": "eyeLookOutRight",
    "eyesblink": "eyeBlink",
    "mouthupupper{}": "mouthUpperUp{}",
    "mouthdownlower{}": "mouthLowerDown{}",
    "mouthrollinupper": "mouthRollUpper",
    "mouthrollinlower": "mouthRollLower",
    "mouthrollinupper{}": "mouthRollUpper",
    "mouthrollinlower{}": "mouthRollLower",
    "mouthpuckerup{}": "mouthPucker",
    "mouthpuckerdown{}": "mouthPucker",
    "mouthfunnelup{}": "mouthFunnel",
    "mouthfunneldown{}": "mouthFunnel",
    "mouthwiden": "mouthStretch",
    "mouthlipstight": "mouthPress",
    "mouthbottomlipdown": "mouthLowerDown",
    "mouthtoplipup": "mouthUpperUp",
    "mouthbottomlipunder": "mouthRollLower",
    "mouthtoplipunder": "mouthRollUpper",
    "mouthopen": "jawOpen",
}
_METAHUMAN = {
    "browraisein{}": "browInnerUp",
    "browraiseouter{}": "browOuterUp{}",
    "eyewiden{}": "eyeWide{}",
    "eyesquintinner{}": "eyeSquint{}",
    "eyecheekraise{}": "cheekSquint{}",
    "nosewrinkle{}": "noseSneer{}",
    "jawfwd": "jawForward",
    "mouthcheekblow{}": "cheekPuff",
    "mouthcornerpull{}": "mouthSmile{}",
    "mouthcornerdepress{}": "mouthFrown{}",
    "mouthupperlipraise{}": "mouthUpperUp{}",
    "mouthlowerlipdepress{}": "mouthLowerDown{}",
    "mouthlipspress{}": "mouthPress{}",
    "mouthlowerliprollin{}": "mouthRollLower",
    "mouthupperliprollin{}": "mouthRollUpper",
} | {
    f"mouth{name}{corner}": unit
    for name, unit in (
        ("lipspurse", "mouthPucker"),
        ("funnel", "mouthFunnel"),
        ("lipstogether", "mouthClose"),
    )
    for corner in ("ul", "ur", "dl", "dr")
}
_METAHUMAN |= {f"jawchinraised{side}": "mouthShrugLower" for side in "lr"}
_METAHUMAN |= {f"jawchinraiseu{side}": "mouthShrugUpper" for side in "lr"}
_UNIFIED = {
    "eyeclosed": "eyeBlink",
    "eyeclosed{}": "eyeBlink{}",
    "browlowerer{}": "browDown{}",
    "mouthclosed": "mouthClose",
    "mouthsad": "mouthFrown",
    "mouthsad{}": "mouthFrown{}",
    "mouthcornerpull{}": "mouthSmile{}",
    "mouthraiserupper": "mouthShrugUpper",
    "mouthraiserlower": "mouthShrugLower",
    "lipsuckupper": "mouthRollUpper",
    "lipsucklower": "mouthRollLower",
    "lipfunnel": "mouthFunnel",
    "lippucker": "mouthPucker",
}
_UNIFIED_SPLIT = {
    "lipsuckupper{}": "mouthRollUpper",
    "lipsucklower{}": "mouthRollLower",
    "lipfunnelupper": "mouthFunnel",
    "lipfunnellower": "mouthFunnel",
    "lippuckerupper": "mouthPucker",
    "lippuckerlower": "mouthPucker",
}
_UNIFIED_QUARTERS = {
    "lipfunnelupper{}": "mouthFunnel",
    "lipfunnellower{}": "mouthFunnel",
    "lippuckerupper{}": "mouthPucker",
    "lippuckerlower{}": "mouthPucker",
}
_SRANIPAL = {
    "mouthsad{}": "mouthFrown{}",
    "mouthpout": "mouthPucker",
    "mouthupperoverturn": "mouthFunnel*0.6",
    "mouthloweroverturn": "mouthFunnel*0.6",
    "mouthupperinside": "mouthRollUpper",
    "mouthlowerinside": "mouthRollLower",
    "mouthloweroverlay": "mouthShrugLower",
    "eyeleftblink": "eyeBlinkLeft",
    "eyerightblink": "eyeBlinkRight",
    "eyeleftwide": "eyeWideLeft",
    "eyerightwide": "eyeWideRight",
    "eyeleftsqueeze": "eyeSquintLeft",
    "eyerightsqueeze": "eyeSquintRight",
}
_DAZ = {
    "mouthpurseupper{}": "mouthPucker",
    "mouthpurselower{}": "mouthPucker",
    "mouthfunnelupper{}": "mouthFunnel",
    "mouthfunnellower{}": "mouthFunnel",
    "mouthcloseupper{}": "mouthClose",
    "mouthcloselower{}": "mouthClose",
    "mouthrollupper{}": "mouthRollUpper",
    "mouthrolllower{}": "mouthRollLower",
    "mouthpressupper{}": "mouthPress{}",
    "mouthpresslower{}": "mouthPress{}",
    "eyeswide{}": "eyeWide{}",
    "eyesclosed": "eyeBlink",
    "eyesclosed{}": "eyeBlink{}",
    "lipspucker": "mouthPucker",
    "mouthsmilesimple{}": "mouthSmile{}",
    "mouthopen": "jawOpen",
}
_FUSE = {
    "blink{}": "eyeBlink{}",
    "browsdown{}": "browDown{}",
    "browsup{}": "browOuterUp{}",
    "eyeswide{}": "eyeWide{}",
    "squint{}": "eyeSquint{}",
    "smile{}": "mouthSmile{}",
    "frown{}": "mouthFrown{}",
    "nosescrunch{}": "noseSneer{}",
    "upperlipup{}": "mouthUpperUp{}",
    "lowerlipdown{}": "mouthLowerDown{}",
    "upperlipin": "mouthRollUpper",
    "lowerlipin": "mouthRollLower",
    "mouthnarrow{}": "mouthPucker",
    "mouthopen": "jawOpen",
    "jawforeward": "jawForward",
}
_FACESHIFT = {
    "browsdown{}": "browDown{}",
    "browsd{}": "browDown{}",
    "browsupcenter": "browInnerUp",
    "browsuc": "browInnerUp",
    "browsup{}": "browOuterUp{}",
    "browsu{}": "browOuterUp{}",
    "eyeopen{}": "eyeWide{}",
    "eyedown{}": "eyeLookDown{}",
    "eyeup{}": "eyeLookUp{}",
    "eyein{}": "eyeLookIn{}",
    "eyeout{}": "eyeLookOut{}",
    "jawfwd": "jawForward",
    "lipsstretch{}": "mouthStretch{}",
    "lipsupperclose": "mouthRollUpper",
    "lipslowerclose": "mouthRollLower",
    "lipsupperup": "mouthUpperUp",
    "lipsupperup{}": "mouthUpperUp{}",
    "lipslowerdown": "mouthLowerDown",
    "lipslowerdown{}": "mouthLowerDown{}",
    "lipsfunnel": "mouthFunnel",
    "lipspucker": "mouthPucker",
    "lipstogether": "mouthClose",
    "chinlowerraise": "mouthShrugLower",
    "chinupperraise": "mouthShrugUpper",
    "sneer": "noseSneer",
    "puff": "cheekPuff",
}
_MAKEHUMAN = {
    "eyeleftclosure": "eyeBlinkLeft",
    "eyerightclosure": "eyeBlinkRight",
    "eyeleftopenedup": "eyeWideLeft",
    "eyerightopenedup": "eyeWideRight",
    "eyeleftslit": "eyeSquintLeft",
    "eyerightslit": "eyeSquintRight",
    "eyebrowsleftdown": "browDownLeft",
    "eyebrowsrightdown": "browDownRight",
    "eyebrowsleftinnerup": "browInnerUp",
    "eyebrowsrightinnerup": "browInnerUp",
    "eyebrowsleftexternup": "browOuterUpLeft",
    "eyebrowsrightexternup": "browOuterUpRight",
    "noseleftelevation": "noseSneerLeft",
    "noserightelevation": "noseSneerRight",
    "mouthopen": "jawOpen",
    "mouthcornerpuller": "mouthSmile",
    "mouthdepression": "mouthFrown",
    "mouthcompression": "mouthPress",
    "mouthretraction": "mouthStretch",
    "mouthpursing": "mouthPucker",
    "mouthelevation": "mouthShrugLower",
}

NAMINGS: dict[str, tuple[dict[str, str], ...]] = {
    "ARKit": ({},),
    "Character Creator": (_both(_CHARACTER_CREATOR),),
    "MetaHuman": (_both(_METAHUMAN),),
    "Unified Expressions": (_both(_UNIFIED), _both(_UNIFIED_SPLIT), _both(_UNIFIED_QUARTERS)),
    "SRanipal": (_both(_SRANIPAL),),
    "Daz": (_both(_DAZ),),
    "Mixamo Fuse": (_both(_FUSE),),
    "AR Emoji": (_both(_FACESHIFT),),
    "MakeHuman": (_both(_MAKEHUMAN),),
}
"""By tool: its tables, the first to be preferred where two of them name a unit."""
