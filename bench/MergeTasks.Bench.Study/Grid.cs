namespace MergeTasks.Bench.Study;

/// <summary>
/// The merges among which settings are chosen. Methods that drop changes themselves have a density with and without APL, and methods on
/// task vectors a factor, so that a variant's gain is not merely that of a setting which the plain method could have had too.
/// </summary>
internal static class Grid
{
    private static readonly (string Name, string[] Values)
        Lambda = ("Lambda", ["0.4", "0.8", "1.2"]),
        Position = ("T", ["0.35", "0.65"]),
        Omega = ("Aim", ["0.2", "0.4", "0.6"]),
        OwnDensity = ("Density", ["0.5", "0.7"]),
        AplDensity = ("AplDensity", ["0.5", "0.7"]),
        Temperature = ("AplTau1", ["1", "4"]);

    private static readonly string[] FineTunes = ["code", "manual", "math"];

    /// <summary>The methods, with the models that each can take and its own settings.</summary>
    public static readonly IReadOnlyList<(string Name, string[] Models, (string, string[])[] Settings)> Methods =
    [
        ("linear", FineTunes, []),
        ("slerp", ["code", "math"], [Position]),
        ("task_arithmetic", FineTunes, [Lambda]),
        ("ties", FineTunes, [Lambda, OwnDensity]),
        ("dare_linear", FineTunes, [Lambda, OwnDensity]),
        ("dare_ties", FineTunes, [Lambda, OwnDensity]),
        ("passthrough", ["math"], []),
    ];

    /// <summary>The values that are tried, for people.</summary>
    public static IEnumerable<string> Description =>
        new[] { Omega, AplDensity, Temperature, OwnDensity, Lambda, Position }.Select(setting => $"`{setting.Name}` {string.Join(", ", setting.Values)}");

    /// <summary>All merges with a method and variant.</summary>
    public static IReadOnlyList<Candidate> Candidates(string method, Variant variant)
    {
        var (_, models, own) = Methods.Single(known => known.Name == method);
        IEnumerable<(string Name, string[] Values)> varied =
        [
            // Where APL drops, the method's own sparsifier does not.
            .. own.Where(setting => setting != OwnDensity || !variant.HasFlag(Variant.Apl)),
            .. variant.HasFlag(Variant.Apl) ? [AplDensity, Temperature] : Array.Empty<(string, string[])>(),
            .. variant.HasFlag(Variant.Aim) ? [Omega] : Array.Empty<(string, string[])>(),
        ];
        IEnumerable<(string, string)[]> combinations = [[]];
        foreach (var (name, values) in varied)
            combinations = combinations.SelectMany(settings => values, (settings, value) => ((string, string)[])[.. settings, (name, value)]).ToList();
        return [.. combinations.Select(settings => new Candidate(method, variant, models, settings))];
    }
}
