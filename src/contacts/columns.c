/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/columns.h"

#include <string.h>

/* A list may have a column "E-Mail" besides a postal "Address", and "Name" besides "First
 * name": the surer name stands first. Words that mean different things in different
 * languages stand where they are met most ("nom" beside "prénom"). */
static const char *const ADDRESS_NAMES[] = {
  "email", "e-mail", "email address", "e-mail address", "mail address", "mail", "email 1",
  "e-mail 1 - value", "primary email", "work email", "business email", "email addresses",
  "courriel", "adresse e-mail", "adresse email", "adresse mail", "adresse électronique",
  "adresse de courriel", "adresse courriel", "mél",
  "e-mail-adresse", "email-adresse", "emailadresse", "mailadresse", "e-mail adresse",
  "e-mailadres", "emailadres", "adres e-mail", "e-mail adres",
  "surel", "alamat surel", "alamat email", "alamat e-mail", "pos-el", "emel", "alamat emel",
  "correo", "correo electrónico", "correo electronico", "dirección de correo electrónico",
  "dirección de correo", "e-correo",
  "posta elettronica", "indirizzo email", "indirizzo e-mail", "indirizzo di posta elettronica",
  "endereço de email", "endereço de e-mail", "correio eletrónico", "correio eletrônico",
  "adres email", "adres poczty elektronicznej", "e-post", "e-postadress", "epost",
  "e-postadresse", "sähköposti", "sähköpostiosoite", "e-posta", "e-posta adresi", "eposta",
  "e-mailová adresa", "emailová adresa", "e-mail cím", "email cím", "adresă de e-mail",
  "adresă email", "имейл", "электронная почта", "эл. почта", "адрес электронной почты",
  "почта", "електронна пошта", "електронска пошта", "ηλεκτρονικό ταχυδρομείο",
  "διεύθυνση email", "メール", "メールアドレス", "eメール", "电子邮件", "電子郵件", "邮箱",
  "电子邮箱", "電子信箱", "이메일", "이메일 주소", "전자우편", "البريد الإلكتروني",
  "بريد إلكتروني", "דוא\"ל", "ईमेल", "อีเมล", "thư điện tử", "địa chỉ email", "address", NULL,
};
static const char *const NAME_NAMES[] = {
  "name", "full name", "fullname", "display name", "contact name", "formatted name",
  "nom complet", "vollständiger name", "nombre completo", "nome completo", "nama lengkap", "nama",
  "volledige naam", "naam", "imię i nazwisko", "фио", "имя и фамилия", "氏名", "名前", "姓名",
  "이름", "الاسم", NULL,
};
static const char *const FIRST_NAME_NAMES[] = {
  "first name", "firstname", "given name", "forename", "prénom", "prenom", "vorname",
  "nombre", "nome", "nama depan", "voornaam", "imię", "förnamn", "fornavn", "etunimi", "jméno",
  "имя", "ім'я", NULL,
};
static const char *const LAST_NAME_NAMES[] = {
  "last name", "lastname", "family name", "surname", "nom de famille", "nom", "nachname",
  "familienname", "apellidos", "apellido", "cognome", "sobrenome", "apelido", "nama belakang",
  "achternaam", "nazwisko", "efternamn", "efternavn", "etternavn", "sukunimi", "příjmení",
  "фамилия", "прізвище", NULL,
};
static const char *const LANGUAGE_NAMES[] = {
  "language", "lang", "preferred language", "langue", "sprache", "idioma", "lingua", "bahasa",
  "taal", "język", "язык", "мова", "言語", "语言", NULL,
};
static const char *const COUNTRY_NAMES[] = {
  "country", "pays", "land", "país", "paese", "negara", "kraj", "страна", "країна", "国", NULL,
};
static const char *const CITY_NAMES[] = {
  "city", "town", "locality", "ville", "stadt", "ort", "ciudad", "città", "cidade", "kota",
  "stad", "miasto", "город", "місто", "都市", "城市", NULL,
};
static const char *const ORGANIZATION_NAMES[] = {
  "organization", "organisation", "company", "outlet", "publication", "employer", "entreprise",
  "société", "firma", "unternehmen", "medium", "empresa", "organización", "azienda",
  "organisasi", "perusahaan", "bedrijf", "организация", "компания", "会社", "公司", NULL,
};
static const char *const TITLE_NAMES[] = {
  "title", "job title", "position", "fonction", "funktion", "cargo", "jabatan", "functie",
  "должность", NULL,
};
static const char *const TIMEZONE_NAMES[] = {
  "timezone", "time zone", "tz", "fuseau horaire", "zeitzone", "zona horaria", "zona waktu",
  "часовой пояс", NULL,
};

static const char *const *const NAMES[MEANING_MEANINGS] = {
  [MEANING_ADDRESS] = ADDRESS_NAMES,
  [MEANING_NAME] = NAME_NAMES,
  [MEANING_FIRST_NAME] = FIRST_NAME_NAMES,
  [MEANING_LAST_NAME] = LAST_NAME_NAMES,
  [MEANING_LANGUAGE] = LANGUAGE_NAMES,
  [MEANING_COUNTRY] = COUNTRY_NAMES,
  [MEANING_CITY] = CITY_NAMES,
  [MEANING_ORGANIZATION] = ORGANIZATION_NAMES,
  [MEANING_TITLE] = TITLE_NAMES,
  [MEANING_TIMEZONE] = TIMEZONE_NAMES,
};

const char *const *column_names(ColumnMeaning meaning)
{
  return NAMES[meaning];
}

const char *const *column_synonyms(const char *name)
{
  for (guint meaning = 0; meaning < MEANING_MEANINGS; meaning++) {
    for (const char *const *other = NAMES[meaning]; *other; other++) {
      if (column_name_equal(*other, name)) {
        return NAMES[meaning];
      }
    }
  }
  return NULL;
}

static char *fold_name(const char *name)
{
  g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_NFC);
  if (!composed) {
    return NULL;
  }
  g_autofree char *folded = g_utf8_casefold(composed, -1);
  GString *plain = g_string_new(NULL);
  for (const char *p = folded; *p; p++) {
    gboolean parts = strchr("_- \t\r\n", *p) != NULL;
    if (!parts) {
      g_string_append_c(plain, *p);
    } else if (plain->len > 0 && plain->str[plain->len - 1] != ' ') {
      g_string_append_c(plain, ' ');
    }
  }
  return g_strchomp(g_string_free(plain, FALSE));
}

gboolean column_name_equal(const char *a, const char *b)
{
  g_autofree char *folded_a = fold_name(a);
  g_autofree char *folded_b = fold_name(b);
  return folded_a && folded_b && g_str_equal(folded_a, folded_b);
}
