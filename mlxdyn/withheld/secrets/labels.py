"""What people call their secrets and numbers, by language: words, and what links them to a value.

Each language has its words for a password, a PIN, a code and so on; `link` is what may stand
between the word and the value ("is"), `of` opens a phrase in between ("for my email"), `my` says
whose it is, and `remark` is what is said of a password rather than being one. No grammar.
"""

# ruff: noqa: E501  (a language is read best in few lines)

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Words of one language, apart by "|"; letters are matched in either case.

    Each is only itself: what is cached of it is found without reading it all.
    """

    password: str
    weak: str = ""  # words for a password that mean much else: what follows must look made up
    pin: str = ""
    code: str = ""
    opener: str = ""  # what a code opens: beside it, a code is a secret
    key: str = ""
    login: str = ""
    answer: str = ""  # to a security question
    phone: str = ""
    passport: str = ""
    licence: str = ""
    account: str = ""
    national: str = ""
    link: str = ""
    of: str = ""
    my: str = ""
    remark: str = ""
    changed: str = ""  # "I changed it to", where "it" is a password told of before
    prefix: bool = False  # other words may be joined before: Haustürcode
    suffix: bool = False  # endings may follow: şifremiz
    spaced: bool = True  # words have spaces between them


ENGLISH = Language(
    password="password|passwords|pass word|pass-word|pass-words|passphrase|passphrases|pass phrase|passcode|passcodes|passwd|pwd|pswd|psw|pw|passwrd|pasword|wifi key|wpa key"
    "|passw0rd|p4ssw0rd|p@ssw0rd|p@ssword|pa55word|wifi pass|wi-fi pass|wifi pw|email pass|mail pass"
    "|wifi key|wpa key|wpa2 key|network key|network security key|wifi code|memorable word|login pass|account pass|router pass|netflix pass|secret word|safe word|safeword",
    weak="pass|wifi|wi-fi|hotspot|wlan",
    pin="pin|pins|pin code|pin codes|pin number|pin numbers|pincode|pincodes|pin no|puk|puks|puk code|puk codes|sim pin",
    code="code|codes|combination|combinations|combo|passcode|otp|one-time code|unlock pattern",
    opener="2fa|access|activation|alarm|apartment|app|atm|authentication|authenticator|backup|bank|bike"
    "|briefcase|building|buzzer|intercom|callbox|hallway|courtyard|opener|card|confirmation|disarm|door|elevator|email|entry|entrance|flat|front|garage"
    "|gate|gym|home|house|key|keypad|kitchen|laptop|lobby|lock|locker|lockbox|login|luggage|mailbox"
    "|mfa|office|one-time|otp|padlock|panel|parking|pass|pass-code|phone|pin|pool|room|safe|secret"
    "|security|shed|signin|sign-in|sms|storage|suitcase|tablet|unlock|vault|verification|wifi|wi-fi",
    key="key|token|secret|credential|credentials|api key|api keys|secret keys|private keys|encryption keys|access keys|apikey|serial|serial number|activation key"
    "|product key|licence key|license key|wifi key",
    login="login|log-in|logins|username|user name|user|credentials|creds|sign-in|signin|user/pass",
    answer="mother's maiden name|mothers maiden name|mother’s maiden name|mom's maiden name"
    "|mum's maiden name|security answer|security question is|security word|secret answer"
    "|answer to my security question|answer to the security question|secret question is",
    phone="phone|phone number|cell|cell number|cellphone|mobile|mobile number|telephone|tel|landline"
    "|whatsapp|my number|my new number|my old number|my mobile|work number|home number|call me|call me at|call me on|text me|text me at"
    "|text me on|reach me at|reach me on|ring me on|fax",
    passport="passport",
    licence="license number|licence number|licence no|license no|driving licence|driving license|driver's license|driver's licence|drivers license"
    "|drivers licence|driver license|driver licence|dl|driver’s license|driver’s licence",
    account="account|account number|acct|acc|a/c|bank account|checking|savings account|routing"
    "|routing number|aba|sort code|sortcode|bsb|ifsc|iban|bank details|transit number",
    national="ssn|social|social security|social insurance|sin|tax id|taxpayer id|tax number|tax file"
    "|tfn|tin|itin|ein|utr|nino|national insurance|ni|nat ins|nhs|medicare|medicaid|national id"
    "|id card|identity card|green card|alien|visa number|insurance number|aadhaar|aadhar|vat|pps|pan|pan card"
    "|health card|health insurance|military id|resident id",
    link="is|was|are|were|be|been|used to be|use to be|will be|has been|should be|must be|set to|changed to"
    "|became|becomes|remains|stays|equals|iz|goes|=",
    of="for|4|of|to|on|at|in|i|we|he|she|they|that|which|from|with|into",
    my="my|our|the|his|her|their|your",
    remark="""a an the my your our his her its their this that these those it he she they we you i me
    not no never none nothing something anything everything someone who what when where why how which
    whose also too very really quite pretty rather so as at in on of for from with without by about under
    over to into if whether because since until unless than then there here again already always only
    even ever yet more most less today yesterday tomorrow enough and or but can could will would should
    must may might do does did has have had is are was were be been being am one same different similar
    case-sensitive wrong right correct incorrect invalid valid weak strong secure insecure safe unsafe
    long short easy hard difficult simple complex complicated unique random terrible bad good great fine
    ok okay important secret private public hidden written kept known stolen broken lost gone set sent
    shown taken given forgotten rotten empty blank missing available unknown visible ready due old new
    next crucial essential key required mandatory optional useless worthless sorted better worse best
    worst boring silly stupid dumb ridiculous impossible necessary awful annoying useful like fun just
    out up off down all both each probably maybe other others similar etc thanks thank please
    longer shorter stronger weaker harder easier safer simpler newer older""",
    changed="changed it to|changed it again to|change it to|set it to|reset it to|updated it to"
    "|switched it to|made it|it's now|it is now|its now|now it's|now it is|now its|it's|it is|it was"
    "|the new one is|new one is|new one's|new one|the old one was|the other one is|the other is",
)
GERMAN = Language(
    password="passwort|passwörter|kennwort|kennwörter|losung|losungswort|parole|zugangswort|schlüsselwort|pw|mantra|wlan-schlüssel",
    pin="pin|pins|pin-code|pin-codes|geheimzahl|geheimzahlen|geheimnummer|pin-nummer|pinnummer",
    code="code|codes|zahlenkombination|kombination|tan|zahlencode",
    opener="tür|haus|garage|garagen|tor|alarm|safe|tresor|schloss|fahrrad|zugang|zugangs|sicherheit|schließfach"
    "|koffer|handy|bestätigung|bestätigungs|entsperr|eingang|schlüsselbox|freischalt",
    key="schlüssel|token|lizenzschlüssel|api-schlüssel",
    login="zugangsdaten|anmeldedaten|login|benutzername|benutzer",
    answer="mädchenname meiner mutter|geburtsname meiner mutter|sicherheitsantwort|antwort auf die sicherheitsfrage",
    phone="telefon|telefonnummer|handy|handynummer|mobilnummer|festnetz|rufnummer|meine nummer|mobil",
    passport="reisepass|pass|passnummer|reisepassnummer|personalausweis|ausweis|ausweisnummer|personalausweisnummer",
    licence="führerschein|führerscheinnummer",
    account="konto|kontonummer|bankkonto|blz|bankleitzahl|iban|depot",
    national="steuer-id|steuerid|steuer id|steuernummer|steueridentifikationsnummer|steuer-identifikationsnummer"
    "|sozialversicherungsnummer|rentenversicherungsnummer|versichertennummer|krankenversicherungsnummer|svnr|ahv",
    link="ist|lautet|heißt|heisst|wäre|war|sind|geht",
    of="für|vom|von|zu|zum|zur|des|der|meines|meiner|im|am|in|an|bei|fürs",
    my="mein|meine|meinem|unser|unsere|der|die|das",
    remark="""ein eine der die das mein meine dein zu sehr nicht kein keine noch immer nie falsch richtig weg
    abgelaufen sicher unsicher kurz lang schwach stark geheim neu alt leer bekannt vergessen gesperrt
    gut schlecht einfach schwer wichtig ungültig ganz auch nur jetzt in auf für von mit bei verloren gleich
    geändert aus unter der-selbe dasselbe ziemlich viel eigentlich länger kürzer stärker besser verschieden kompliziert anders danke bitte""",
    changed="geändert auf|geändert in|jetzt ist es|es ist jetzt|es lautet|es lautet jetzt|jetzt lautet es|das neue ist"
    "|das neue lautet|er ist jetzt|sie ist jetzt|geändert zu|jetzt heißt es",
    prefix=True,
)
FRENCH = Language(
    password="mot de passe|mots de passe|mdp|motdepasse|phrase de passe|mot secret|passe wifi|clé wifi|clé du wifi",
    pin="pin|pins|code pin|codes pin|code secret|codes secrets|code confidentiel|code de carte|code de ma carte|numéro pin",
    code="code|codes|digicode|combinaison",
    opener="porte|portail|immeuble|garage|alarme|coffre|coffre-fort|cadenas|vélo|entrée|accès|téléphone|valise"
    "|sécurité|vérification|confirmation|déverrouillage|wifi|casier|boîte|boîtier",
    key="clé|clé api|clé secrète|clé privée|clé de chiffrement|jeton|clé de licence",
    login="identifiants|identifiant|login|connexion",
    answer="nom de jeune fille de ma mère|réponse secrète|réponse à la question secrète|réponse de sécurité",
    phone="téléphone|tél|portable|mobile|mon numéro|numéro de téléphone|numéro de portable|fixe|appelle-moi au",
    passport="passeport|carte d'identité|carte d’identité|cni",
    licence="permis de conduire|permis",
    account="compte|compte bancaire|numéro de compte|rib|iban",
    national="sécurité sociale|sécu|numéro de sécu|numéro fiscal|nir|nif|siret|siren|carte vitale|numéro d'impôt",
    link="c'est|c’est|c'est le|c’est le|est le|est|était|sont|c est|cest|ce sera",
    of="de|du|des|pour|d'|à|au|sur|qui|dans",
    my="mon|ma|mes|notre|le|la|les|l'",
    remark="""un une le la les mon ma mes ton ta trop très pas plus jamais encore toujours bien mal assez aussi
    long court faible fort sûr sécurisé compliqué simple faux bon incorrect expiré perdu oublié secret nouveau
    ancien vide facile difficile celui dans sur pour avec sans de du des à au en écrit invalide bloqué connu
    nécessaire longs longues courts compliqués compliquée faibles sûrs différents différent meilleur merci""",
    changed="changé en|changé pour|je l'ai changé en|maintenant c'est|c'est maintenant|le nouveau est|le nouveau c'est"
    "|c'était",
)
SPANISH = Language(
    password="contraseña|contrasena|contraseñas|clave|claves|palabra clave|contra del wifi|palabra secreta|password",
    pin="pin|pines|código pin|códigos pin|número pin|nip|número secreto",
    code="código|códigos|codigo|combinación|combinacion",
    opener="puerta|portón|garaje|alarma|caja fuerte|candado|casillero|taquilla|edificio|entrada|acceso|celular|móvil"
    "|maleta|seguridad|verificación|bici|bicicleta|portal|tarjeta|desbloqueo|confirmación",
    key="llave api|llave secreta|llave privada|clave api|token|clave secreta|clave privada|clave de cifrado|clave de api",
    login="usuario|inicio de sesión|credenciales|login",
    answer="apellido de soltera de mi madre|respuesta de seguridad|respuesta secreta",
    phone="teléfono|telefono|móvil|movil|celular|mi número|mi numero|número de teléfono|whatsapp|llámame al",
    passport="pasaporte|cédula|cedula|documento",
    licence="carnet de conducir|licencia de conducir|permiso de conducir|licencia",
    account="cuenta|cuenta bancaria|número de cuenta|clabe|iban|cbu",
    national="dni|nie|nif|seguridad social|número de la seguridad social|curp|rfc|cuit|cuil|nss|rut|cif",
    link="es|era|son|será|está en|quedó en|sería",
    of="de|del|para|a|al|en|que|con",
    my="mi|mis|nuestra|nuestro|la|el|las|los",
    remark="""un una el la los las mi mis tu su muy no nunca demasiado tan más menos bastante también larga corta débil
    fuerte segura insegura difícil fácil simple incorrecta correcta errónea nueva vieja vacía secreta importante
    igual la-misma esta de del en para con sin que mala buena inválida perdida olvidada saber tener ser poca
    mucha paciencia importante única privada largas cortas seguras débiles fáciles difíciles distintas diferentes gracias""",
    changed="la cambié a|la cambie a|lo cambié a|la cambié por|ahora es|cambiado a|la nueva es|el nuevo es",
)
ITALIAN = Language(
    password="password|parola d'ordine|parola d’ordine|parola chiave|chiave wifi|chiave del wifi|pass del wifi|psw|pwd|parola segreta",
    pin="pin|codice pin|codici pin|numero pin|codice segreto",
    code="codice|codici|combinazione",
    opener="porta|cancello|portone|garage|allarme|cassaforte|lucchetto|armadietto|ingresso|accesso|telefono|valigia"
    "|sicurezza|verifica|bici|sblocco|carta|bancomat|conferma",
    key="chiave|chiave api|token|chiave segreta|chiave privata",
    login="credenziali|utente|nome utente|login|accesso",
    answer="cognome da nubile di mia madre|risposta di sicurezza|risposta segreta",
    phone="telefono|cellulare|cell|mio numero|numero di telefono|numero di cellulare|fisso|chiamami al",
    passport="passaporto|carta d'identità|carta d’identità|carta di identità",
    licence="patente|patente di guida",
    account="conto|conto corrente|numero di conto|iban",
    national="codice fiscale|partita iva|tessera sanitaria|p\\.iva|piva",
    link="è|e'|era|sono|sarà|sarebbe",
    of="di|del|della|dello|dell'|dei|delle|per|a|al|alla|in|da|che|d'",
    my="mia|mio|miei|nostra|nostro|il|la|lo|l'",
    remark="""un una il la lo le i gli mia mio tua tuo troppo molto non mai più meno anche sempre ancora così lunga corta
    debole forte sicura insicura difficile facile semplice sbagliata giusta errata corretta nuova vecchia vuota
    segreta importante scaduta persa dimenticata uguale di del della in per con senza quella questa scritta
    cambiata bella brutta complicata lunghe corte sicure deboli facili difficili diverse grazie""",
    changed="l'ho cambiata in|l’ho cambiata in|l'ho cambiato in|cambiata in|ora è|adesso è|la nuova è|il nuovo è",
)
PORTUGUESE = Language(
    password="senha|senhas|palavra-passe|palavra passe|palavra-chave|password|palavra secreta|chave do wifi",
    pin="pin|pins|código pin|códigos pin|codigo pin|número pin",
    code="código|códigos|codigo|combinação|segredo do cofre",
    opener="porta|portão|portao|garagem|alarme|cofre|cadeado|armário|prédio|entrada|acesso|celular|telemóvel|mala"
    "|segurança|verificação|bicicleta|cartão|desbloqueio|confirmação",
    key="chave|chave api|chave secreta|chave privada|chave pix|token",
    login="usuário|usuario|utilizador|login|credenciais",
    answer="nome de solteira da minha mãe|resposta de segurança|resposta secreta",
    phone="telefone|telemóvel|telemovel|celular|meu número|meu numero|número de telefone|whatsapp|fone",
    passport="passaporte|bilhete de identidade|cartão de cidadão|identidade",
    licence="carta de condução|carteira de motorista|cnh|habilitação",
    account="conta|conta bancária|número da conta|iban|nib|agência",
    national="cpf|cnpj|nif|rg|contribuinte|niss|segurança social|título de eleitor|pis",
    link="é|e'|era|são|será|fica",
    of="de|do|da|dos|das|para|pra|no|na|em|que|com",
    my="minha|meu|nossa|nosso|a|o|as|os",
    remark="""um uma o a os as minha meu muito não nunca demais mais menos também tão longa curta fraca forte segura
    insegura difícil fácil simples errada certa incorreta correta nova velha vazia secreta importante expirada
    perdida esquecida igual de do da em no na para com sem essa esta aquela complicada bem boa ruim longas curtas fortes fracas seguras fáceis difíceis diferentes obrigado obrigada""",
    changed="mudei para|mudei-a para|mudei pra|troquei para|troquei por|agora é|a nova é|o novo é",
)
DUTCH = Language(
    password="wachtwoord|wachtwoorden|wachtzin|ww|paswoord|toegangswoord|password|wifi-sleutel|wifisleutel",
    pin="pin|pins|pincode|pincodes|pinnummer|pin-code|pin-codes",
    code="code|codes|cijfercombinatie|combinatie|cijferslot",
    opener="deur|poort|hek|garage|alarm|kluis|slot|kluisje|fiets|voordeur|toegang|toegangs|telefoon|koffer|beveiliging"
    "|beveiligings|verificatie|ontgrendel|bevestiging|bevestigings|sleutelkast",
    key="sleutel|api-sleutel|token|licentiesleutel",
    login="inlog|inloggegevens|gebruikersnaam|login|gebruiker",
    answer="meisjesnaam van mijn moeder|antwoord op de beveiligingsvraag|geheime antwoord",
    phone="telefoon|telefoonnummer|mobiel|mobiele nummer|mijn nummer|06-nummer|gsm|bel me op",
    passport="paspoort|paspoortnummer|identiteitskaart|id-kaart",
    licence="rijbewijs|rijbewijsnummer",
    account="rekening|rekeningnummer|bankrekening|iban",
    national="bsn|burgerservicenummer|sofinummer|rijksregisternummer|btw|btw-nummer",
    link="is|was|luidt|zijn|wordt|werd",
    of="van|voor|op|om|naar|bij|in|aan",
    my="mijn|m'n|ons|onze|de|het",
    remark="""een de het mijn jouw te heel erg niet geen nooit nog altijd ook zo meer minder lang kort zwak sterk veilig
    onveilig moeilijk makkelijk simpel fout juist verkeerd nieuw oud leeg geheim belangrijk verlopen kwijt
    vergeten hetzelfde van voor op in met zonder bij goed slecht gewijzigd weg bekend ingewikkeld langer korter sterker beter verschillend anders bedankt""",
    changed="veranderd in|gewijzigd in|nu is het|het is nu|de nieuwe is|het nieuwe is|veranderd naar",
    prefix=True,
)
POLISH = Language(
    password="hasło|haslo|hasła|hasełko|hasłem|klucz wifi|klucz do wifi",
    pin="pin|piny|kod pin|kody pin|numer pin|pinem",
    code="kod|kody|szyfr|kombinacja|kodem",
    opener="brama|bramy|drzwi|alarm|alarmu|garaż|garażu|sejf|sejfu|domofon|domofonu|kłódka|kłódki|klatki|telefonu|karty"
    "|dostępu|bezpieczeństwa|weryfikacyjny|szafki|walizki|wejścia|furtki|blik|potwierdzenia|roweru",
    key="klucz|klucz api|klucz prywatny|tajny klucz|token",
    login="login|użytkownik|dane logowania",
    answer="nazwisko panieńskie mojej matki|nazwisko panieńskie matki|odpowiedź na pytanie",
    phone="telefon|telefonu|numer telefonu|komórka|komórki|mój numer|tel|zadzwoń na|komórkę",
    passport="paszport|paszportu|dowód|dowodu|dowód osobisty|dowodu osobistego",
    licence="prawo jazdy|prawa jazdy",
    account="konto|konta|numer konta|rachunek|rachunku|nr konta|iban",
    national="pesel|nip|regon|pesel to",
    link="to|jest|brzmi|był|było|będzie",
    of="do|dla|na|od|w|z|o",
    my="mój|moje|moja|nasze|nasz",
    remark="""nie nic coś za bardzo zbyt nigdy już tylko też jest długie krótkie słabe silne mocne trudne łatwe proste złe dobre
    błędne poprawne nowe stare puste tajne ważne wygasło zgubione takie samo w na do dla od z bez to moje twoje
    bezpieczne skomplikowane nieprawidłowe jak podstawa klucz różne dłuższe lepsze dzięki""",
    changed="zmieniłem na|zmieniłam na|teraz to|teraz jest|nowe to|nowy to|zmienione na",
)
TURKISH = Language(
    password="şifre|sifre|parola|şifremiz|şifrem|sifrem|parolam",
    pin="pin|pin kodu|pin kodum",
    code="kod|kodu|kodum|kombinasyon",
    opener="kapı|alarm|garaj|kasa|kilit|bisiklet|giriş|telefon|güvenlik|doğrulama|onay|bina|apartman|dolap|bavul|valiz",
    key="anahtar|api anahtarı|token",
    login="kullanıcı adı|giriş bilgileri|kullanıcı",
    answer="annemin kızlık soyadı|anne kızlık soyadı|güvenlik sorusu",
    phone="telefon|telefonum|numaram|cep|cep telefonum|telefon numaram|cep numaram|gsm",
    passport="pasaport|kimlik|pasaportum",
    licence="ehliyet|sürücü belgesi",
    account="hesap|hesabım|iban|hesap numaram",
    national="tc|tc kimlik|t\\.c\\. kimlik|kimlik no|vergi no|vergi numarası|vergi numaram|vergi|sgk",
    link="şu|şöyle|budur|idi|şudur|olarak",
    of="için",
    my="benim|bizim",
    remark="""çok değil yok var yanlış doğru güçlü zayıf uzun kısa zor kolay basit yeni eski boş gizli önemli hatalı
    geçersiz unuttum kaybettim ve bir bu şu ama çalışmıyor neydi ne nedir hep aynı kötü iyi""",
    changed="şimdi|olarak değiştirdim|yenisi|yeni şifre",
    suffix=True,
)
RUSSIAN = Language(
    password="пароль|пароля|паролем|пароли|кодовое слово|пасс|ключ от вайфая|ключ от wi-fi",
    pin="пин|пин-код|пинкод|пин код|пин-коды",
    code="код|коды|комбинация|шифр|кода",
    opener="двери|дверь|домофон|домофона|сейф|сейфа|сигнализация|сигнализации|ворота|ворот|гараж|гаража|замок|замка"
    "|подъезд|подъезда|телефона|карты|доступа|подтверждения|безопасности|чемодана|калитки|шлагбаума|входа|велосипеда",
    key="ключ|токен|ключ api|апи ключ|секретный ключ|закрытый ключ|приватный ключ",
    login="логин|учётка|учетка|пользователь",
    answer="девичья фамилия матери|девичья фамилия моей матери|ответ на секретный вопрос|ответ на контрольный вопрос",
    phone="телефон|телефона|номер телефона|мобильный|мобильного|мой номер|тел|сотовый|позвони на|звони на",
    passport="паспорт|паспорта|загранпаспорт",
    licence="водительское удостоверение|водительского удостоверения|права|прав|ву",
    account="счёт|счет|счёта|счета|номер счёта|номер счета|бик|карта",
    national="инн|снилс|огрн|полис|омс",
    link="это|такой|будет|был|есть|сейчас|теперь",
    of="от|для|к|на|в|у|из|с",
    my="мой|моя|моё|мое|наш|наша|наше|вот",
    remark="""не очень слишком никогда уже ещё еще только тоже длинный короткий слабый сильный надёжный надежный сложный
    простой неверный верный неправильный правильный новый старый пустой секретный важный забыт утерян такой
    от для к на в из с без то тот он просто хороший плохой сбросить изменить забыл""",
    changed="поменял на|поменяла на|сменил на|сменила на|теперь|теперь он|теперь это|новый|изменил на|изменила на",
    suffix=True,
)
CHINESE = Language(
    password="密码|密碼|口令|暗号|暗號",
    pin="pin码|pin碼|pin|个人识别码|取款密码",
    code="验证码|驗證碼|提取码|开锁码|动态码|门禁码|解锁码|校验码|安全码|恢复码|密钥码|门锁",
    key="密钥|密鑰|令牌|私钥|api key|token",
    login="账号密码|用户名",
    answer="母亲的姓氏|密保答案|安全问题的答案|密保问题",
    phone="电话|電話|手机|手機|手机号|手機號碼|电话号码|联系方式|微信",
    passport="护照|護照|护照号|护照号码",
    licence="驾照|駕照|驾驶证|行驶证",
    account="账号|帐号|银行卡号|银行账号|账户|銀行帳號|卡号|银行卡",
    national="身份证|身分證|身份证号|身份证号码|社保号|税号|社会保障号",
    link="就是|改成|改为|设成|设为|变成|是|为|為|改成了|叫|等于",
    remark="不 很 太 错 忘 什么 我 你 他 对",
    changed="改成|改为|现在是|换成|新的是|改成了",
    spaced=False,
)
JAPANESE = Language(
    password="パスワード|パスフレーズ|合言葉|合い言葉|パス|暗号",
    pin="暗証番号|ピン|pin|pinコード|パスコード",
    code="認証コード|確認コード|番号ロック|ドアコード|コード|解錠番号|ダイヤル錠",
    key="apiキー|秘密鍵|シークレットキー|トークン|キー",
    login="ログイン|ログインid|ユーザー名|アカウント",
    answer="母の旧姓|母親の旧姓|秘密の質問の答え|秘密の質問",
    phone="電話番号|電話|携帯|携帯番号|tel",
    passport="パスポート|旅券|旅券番号|パスポート番号",
    licence="免許証|運転免許|免許証番号|運転免許証",
    account="口座番号|口座|銀行口座",
    national="マイナンバー|個人番号|保険証番号|基礎年金番号|年金番号",
    link="は|が|って|を|に変えた",
    remark="",
    changed="今は|新しいのは|変更後は",
    spaced=False,
)
OTHERS = (  # the least that is worth knowing: Nordic, Czech, Ukrainian, Romanian, Hungarian, Greek, Korean, ...
    Language("lösenord|lösen|lösenordet", pin="pinkod|pin-kod|kod", phone="telefonnummer|mobilnummer",
             national="personnummer", passport="passnummer", code="portkod|dörrkod|larmkod|kod",
             opener="port|dörr|larm", link="är|var", of="till|för|på|av", my="mitt|min|vårt",
             remark="för inte mycket alltid glömt fel långt kort svagt starkt"),
    Language("adgangskode|kodeord|passord|passordet|adgangskoden", pin="pinkode|pin-kode|pin",
             phone="telefonnummer|mobilnummer", national="cpr|cpr-nummer|fødselsnummer|personnummer",
             passport="pasnummer", code="dørkode|portkode|alarmkode|kode", opener="dør|port|alarm",
             link="er|var", of="til|for|på", my="mit|min|mitt", remark="for ikke meget alltid glemt feil langt kort"),
    Language("salasana|salasanani", pin="pin-koodi|tunnusluku|pin", code="ovikoodi|koodi", opener="ovi",
             national="henkilötunnus|hetu", phone="puhelinnumero|puhelinnumeroni", link="on|oli", my="minun",
             remark="liian ei hyvin väärä pitkä lyhyt", suffix=True),
    Language("heslo|hesla|heslem", pin="pin|pin kód", code="kód", opener="dveří|brány|alarmu|trezoru",
             national="rodné číslo", phone="telefon|číslo telefonu", link="je|bylo|zní", of="k|ke|od|do|na|pro",
             my="moje|můj|naše", remark="moc příliš ne velmi špatné dlouhé krátké slabé"),
    Language("пароль|гасло", pin="пін|пін-код", code="код", opener="дверей|сейфа|воріт|домофона", national="іпн|рнокпп",
             phone="телефон|номер телефону", link="це|такий|зараз", of="від|для|до|на", my="мій|моя",
             remark="не дуже занадто довгий короткий", suffix=True),
    Language("parola|parolă|parolei", pin="pin|codul pin", code="codul|cod", opener="ușă|poartă|seif|alarmă|ușii",
             national="cnp", phone="telefon|numărul meu", link="este|e|era|îi", of="de|la|pentru|de la", my="mea|meu",
             remark="prea foarte nu lungă scurtă slabă greșită"),
    Language("jelszó|jelszavam|jelszava", pin="pin|pin kód|pin-kód", code="kód|kapukód", opener="kapu|ajtó|széf|riasztó",
             national="adóazonosító|taj", phone="telefonszám|telefonszámom", link="az|ez|volt", my="a",
             remark="túl nem nagyon hosszú rövid gyenge rossz", suffix=True),
    Language("κωδικός|κωδικος|συνθηματικό", pin="pin", national="αφμ|αμκα", phone="τηλέφωνο|κινητό",
             passport="διαβατήριο", link="είναι|ειναι|ήταν", of="για|του|της|στο", my="μου|ο", remark="πολύ δεν λάθος"),
    Language("비밀번호|암호|비번|패스워드", pin="핀번호|핀", code="현관 비번|인증번호|인증코드", phone="전화번호|핸드폰|휴대폰 번호",
             passport="여권번호|여권", national="주민등록번호|주민번호", account="계좌번호|계좌", link="는|은|이|가", spaced=False),
    Language("كلمة السر|كلمة المرور|الرقم السري|كلمه السر|باسورد", phone="رقم الهاتف|هاتفي|رقمي",
             passport="جواز السفر|رقم الجواز", link="هي|هو|كانت", suffix=True),
    Language("पासवर्ड|पासवर्ड", pin="पिन", phone="फोन नंबर|मोबाइल नंबर", link="है|था"),
    Language("mật khẩu|mat khau", pin="mã pin", phone="số điện thoại", link="là|la", of="của|cho", my="tôi",
             remark="quá rất không sai"),
    Language("kata sandi|sandi|kata kunci", pin="pin", phone="nomor telepon|nomor hp", link="adalah|ialah|yaitu",
             of="untuk|dari", my="saya", remark="terlalu sangat tidak salah"),
)  # fmt: skip

LANGUAGES = (
    ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, POLISH, TURKISH, RUSSIAN, CHINESE,
    JAPANESE, *OTHERS,
)  # fmt: skip

NUMBER = (
    "number|numbers|num|no.|no|nr.|nr|#|n°|nº|№|nummer|numéro|numero|número|numer|numarası|numaram|numara"
    "|номер|号码|號碼|番号|号|id|code|details"
)
"""What may follow the name of a document: passport NUMBER."""

NOT_CODE = (
    "zip|area|dress|error|exit|status|source|postal|post|country|promo|discount|coupon|color|colour"
    "|product|bar|qr|morse|building code|tax|penal|civil|criminal|http|return|response|legal|dial|dialling"
    "|city|airport|currency|language|hex|machine|binary|swift|sort|postale|fiscale|postal|barres|erreur"
    "|errore|fehler|kreis|vorwahl|postnummer|pocztowy|ошибки|почтовый|item|course|class|model|booking|genetic"
    "|python|java|line|lines|stock|commodity|sample|example|invite|referral|gift|voucher|hs|cpt|icd|unit"
)
"""Codes that everybody may know."""

PLAY = (
    "happiness|success|tree house|game|games|kids|kid|kids'|club|character|character's|story|novel|book|movie|film|play|quest|dungeon|wizard|level"
    "|treehouse|pretend|puzzle|escape room|riddle|fort|song|poem|example|jeu|spiel|juego|gioco|jogo|игре|игра"
)
"""Where a password is part of a game."""
