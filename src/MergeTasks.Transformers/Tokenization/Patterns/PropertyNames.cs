using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>The sets behind <c>\p{name}</c>, <c>[[:name:]]</c> and the one-letter classes of a pattern.</summary>
internal static class PropertyNames
{
    /// <summary>Long names of general categories, each before its short one.</summary>
    private static readonly Dictionary<string, string> Categories = Pairs(
        """
        letter L uppercaseletter Lu lowercaseletter Ll titlecaseletter Lt modifierletter Lm otherletter Lo
        mark M nonspacingmark Mn spacingmark Mc enclosingmark Me
        number N decimalnumber Nd letternumber Nl othernumber No
        punctuation P punct P connectorpunctuation Pc dashpunctuation Pd openpunctuation Ps closepunctuation Pe
        initialpunctuation Pi finalpunctuation Pf otherpunctuation Po
        symbol S mathsymbol Sm currencysymbol Sc modifiersymbol Sk othersymbol So
        separator Z spaceseparator Zs lineseparator Zl paragraphseparator Zp
        other C control Cc format Cf surrogate Cs privateuse Co unassigned Cn
        """);

    /// <summary>Code points that Oniguruma's <c>\w</c> holds outside brackets only: the superscripts and fractions of Latin-1.</summary>
    private static readonly CodePointSet LatinNumbers = CodePointSet.OfRanges([(0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]);

    public static CodePointSet WordOutsideBrackets { get; } = UnicodeSets.Word.Union(LatinNumbers);

    public static CodePointSet HexDigits { get; } = CodePointSet.OfRanges([('0', '9'), ('A', 'F'), ('a', 'f')]);

    /// <summary>Finds a property by name, ignoring case, spaces, hyphens and underscores.</summary>
    public static CodePointSet Property(string name)
    {
        var key = string.Concat(name.Where(c => c is not (' ' or '-' or '_'))).ToLowerInvariant();
        if (Categories.TryGetValue(key, out var category)) return UnicodeSets.Get(category);
        if (key is "lc" or "casedletter") return UnicodeSets.Union("Lu", "Ll", "Lt");
        if (key == "any") return CodePointSet.All;
        if (key == "assigned") return UnicodeSets.Get("Cn").Complement();
        if (key != "punct" && Posix(key) is { } posix) return posix;
        if (key is "alphabetic" or "uppercase" or "lowercase") return UnicodeSets.Get(Capitalized(key));
        if (key is "whitespace") return UnicodeSets.WhiteSpace;
        if (key.Length > 0 && UnicodeSets.Find(Capitalized(key)) is { } set && !IsInternal(key)) return set;
        throw new PatternSyntaxException(
            $"the property '\\p{{{name}}}' is not supported: general categories, POSIX names and common scripts are");
    }

    /// <summary>A POSIX bracket's set, or null where the name is unknown.</summary>
    public static CodePointSet? Posix(string name) => name switch
    {
        "alpha" => UnicodeSets.Get("Alphabetic"),
        "alnum" => UnicodeSets.Union("Alphabetic", "Nd"),
        "ascii" => CodePointSet.Range(0, 0x7F),
        "blank" => UnicodeSets.Get("Zs").Union(CodePointSet.Of('\t')),
        "cntrl" => UnicodeSets.Get("Cc"),
        "digit" => UnicodeSets.Get("Nd"),
        "graph" => UnicodeSets.WhiteSpace.Union(UnicodeSets.Union("Cc", "Cn", "Cs")).Complement(),
        "lower" => UnicodeSets.Get("Lowercase"),
        "print" => UnicodeSets.WhiteSpace.Union(UnicodeSets.Union("Cc", "Cn", "Cs")).Complement().Union(UnicodeSets.Get("Zs")),
        "punct" => UnicodeSets.Union("P", "S"),
        "space" => UnicodeSets.WhiteSpace,
        "upper" => UnicodeSets.Get("Uppercase"),
        "word" => UnicodeSets.Word,
        "xdigit" => HexDigits,
        _ => null,
    };

    // These sets belong to single components and are no properties of the pattern language.
    private static bool IsInternal(string key) =>
        key is "numeric" or "combiningmark" or "cleaned";

    private static Dictionary<string, string> Pairs(string text) =>
        text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Chunk(2)
            .ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal);

    private static string Capitalized(string key) => char.ToUpperInvariant(key[0]) + key[1..];
}
