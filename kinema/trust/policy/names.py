"""Full names of people whom no list knows, in a sentence that treats them as famous.

A name alone is nobody's business: most people in prompts are invented. It is a first name that real people bear, a
capitalised word after it, and a sign that the likeness of somebody known is wanted.
"""

from __future__ import annotations

import re
from functools import cache

FULL_NAME = re.compile(r"\b([A-Z][a-zà-ž]+(?:-[A-Z][a-zà-ž]+)?) ((?:[A-Z]\. )?[A-Z][a-zà-ž']+(?:-[A-Z][a-zà-ž]+)?)")
FAME = re.compile(
    r"\b(actor|actress|celebrity|famous|president|prime minister|chancellor|senator|governor|minister|politician|"
    r"singer|rapper|popstar|pop star|footballer|striker|quarterback|athlete|champion|influencer|youtuber|streamer|"
    r"billionaire|ceo|deepfake|lookalike|look-alike|likeness|impersonat\w+|face of|voice of|looks? like|interview with|"
    r"oscar|grammy)\b",
    re.IGNORECASE,
)
FIRST_NAMES = """
aamir aaron abhishek adam addison adele ado adriana adriano aga ai aishwarya aitana akira akshay al alain alan
alanis albert alec alejandro alessandro alex alexander alexandria alexei alexia alfred ali alia alice alicia alina
alla allu amara amber amelia amit amitabh amr amy ana anderson andre andrea andrew andrzej andy ang angel angela
angelina angus anish anna annalena anne annie anthony antoine antonio anushka anya apache aretha ariana arijit
arnold artem arvind ashley ashton audrey avril axl aya ayrton ayumi babe badshah ban barack barbara barbra barry
bashar bear bella ben benazir benedict benjamin bernard bernie betty bill billie billy blake bob bobby bola bon bong
bongbong bono boris boy brad brendan brian brie brigitte britney bruce bruna bruno bryan bud bukayo burna bushido
buzz caetano cai caitlin caitlyn calvin cameron camille canelo capital cara cardi carl carla carles carlo carlos
carrie cary caster cate catherine celia celine chadwick channing chappell charles charli charlie charlize charlotte
che checco cher chester chevy chiara chow chris christian christina christoph christopher chuck cillian cindy claire
clara claudia clint coco colin conan condoleezza conor constance courteney courtney cristiano cristina cyril daddy
daisy dakota dalai damien damon dan daniel daniil danny dany dario dave david dean deepika demi demis deng denis
dennis denzel derek desmond dev diane didier diego dieter diljit dilma dilraba dima dirk dmitri dmitry doja dolly
don donald donnie doug drake drew dua dustin dwayne dylan eason ebrahim ed eddie eden edward eileen el elena elijah
elizabeth ella elle ellen ellie elly elon elton elvis emilia emiliano emily emma emmanuel enrique eric erling ernest
eros erykah ethan eva evgeni evita evo ewan falco fan fatima faye federico fedor fela felix ferenc fernanda fernando
fidel finn florence florian floyd forest francesca francesco franck frank franz fred freddie frida friedrich fumio
gabriel gad gal gareth garry garth gary gautam gavi gavin gen gene geoffrey george gerard gerhard ghislaine
gianluigi giannis gigi gilberto giorgia gisele giulia giuseppe gong gordon grace graham greta grimes gustavo
gusttavo gwen hailey halle hans hape harald harrison harry haruka haruki haruto harvey hassan hayao hayden heath
heidi helen helene helmut henry herbert hideki hideo hikaru hillary hiroyuki howard hrithik hu huang hugh hugo
humphrey hyun ian ibai ichiro idris iga iker imane imran indira ines ingrid irrfan isabel isabella isabelle ivan
ivanka ivete jacinda jack jackie jackson jacob jacques jaden jair jake jamal james jamie jan jane janet janis jannik
jared jason javier jay jean jeff jeffrey jenna jennie jennifer jensen jeremy jessica jet jiang jim jimi jimmy
joachim joaquin jodie joe johan john johnny joko jolin jon jonah jonas jordan jose joseph juan jude judge judi juice
jul julia julian julianne juliette julio junichiro justin jürgen kai kaley kamal kamala kamila kanna kanye kaoru
kareena karen karim karl karol kash kate katharine katie katrina katy keanu kei keir keira keisuke keith ken kendall
kendrick kenji kenny kenshi kevin khabib khaby kim kit klaas klaus kobe kofi kourtney kris kristen kurt kylian kylie
lai lamine lance lando lang larry lars lata laura lauryn lay lee lei leonardo lewis li liam lil linda lindsey lionel
lisa liu liz logan lorde lothar louis lu luan luc luca lucas lucia luciano lucy ludovico luis luka luke lupita ma
madonna maggie magnus mahathir mahershala mahmood mahmoud maisie malala malcolm manmohan manny manuel mao marc
marcello marco marcus margaret margot maria mariah mariano marilyn marina mario marion marissa mark markus marlene
marlon maroon marta martha martin mary masaharu masaki masami masato masayoshi mason matt matteo matthew matthias
mauricio max maya megan meghan mel melania melinda melissa meryl mesut mia michael michel michelle mick mikaela mike
mikhail mila miles miley min ming missy mitch mitt mo mohamed monica moon morgan muammar muhammad muhammadu mukesh
nadia naftali namie nana nancy naomi narendra natalia natalie nawaz nayib neil nelson nena niall nicki nicola
nicolas nicole nigel niki nikki nikola nina ninja nirvana noah noam noel notorious novak octavia odell olaf
oleksandr olga oliver olivia omar oprah orlando oscar ousmane owen ozuna ozzy pabllo pablo paolo paris park patricia
patrick paul paulo pavel pedro pep pete peter peyton pharrell phil philipp phoebe pierce pierre playboi prabowo
priya priyanka psy quan quentin rachel rafael rahul rainn ralph ranbir ranveer ratan ray ren ric ricardo richard
rick ricky ridley ringo rishi river robbie robert roberto robin rodrigo roger rohit roman romelu romy ron ronald
ronda rory rosa rowan rudy rupert russell ruth ryan ryo ryuichi ryunosuke sabrina sachin saddam sadio sadiq sahra
sakura salma salman salvador sam samuel sanae sandra sanma santiago saoirse sarah satomi satoshi satya scarlett
scott sean sebastian selena serena serge sergei sergey sergio seth shania shaquille sharon shaun sheikh shen sheryl
shia shigeru shinjiro shinzo shohei sidney sido sigourney silvio simon simone simu slavoj snoop sofia son song sonia
sophia sophie spike stanley stefan steffi stephen steve steven stevie stray sun sundar susan suzu svetlana sydney
sylvester tadej takashi takefusa takeshi takuya taylor ted tems terence teresa thaksin theresa thierry thom thomas
tiger til tilda till tim timothy tina tom toni tony toshiro travis trent trevor triple tsai tucker tulsi tyla tyra
tyson udo uma umberto umm ursula usain usher valentino vanessa vasco venus vianney victor victoria viggo vijay
viktor vin vince vincent viola virat vitali vladimir volodymyr wagner walt walter wang warren wayne wei wes whitney
whoopi william willie willow winona wladimir wong woody wu xavi xavier xi xiao yair yang yann yao yasser yayoi yogi
yoko yoon yoshihide youssou yui yuki yuri yuzuru zac zayn zhang zhao zinedine zlatan zoe zohran
"""
"""First names that real people bear, in small letters."""


def famous_stranger(text: str) -> str:
    """The first full name that stands beside a sign of fame; empty where there is none."""
    if not FAME.search(text):
        return ""
    for found in FULL_NAME.finditer(text):
        if found[1].lower() in _first_names():
            return found.group()
    return ""


@cache
def _first_names() -> frozenset[str]:
    return frozenset(FIRST_NAMES.split())
