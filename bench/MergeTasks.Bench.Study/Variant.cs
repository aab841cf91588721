namespace MergeTasks.Bench.Study;

/// <summary>What goes around a merge method.</summary>
/// <param name="Name">For people.</param>
/// <param name="Settings">As metadata of <c>MergedModel</c>.</param>
internal sealed record Variant(string Name, IReadOnlyList<(string Name, string Value)> Settings)
{
    private static readonly (string, string)[] FirstVersion =
        [("Apl", "layer"), ("AplBudget", "total"), ("AplDrop", "random"), ("AplTau1", "1"), ("AplRescale", "inverse")];

    /// <summary>The method alone.</summary>
    public static Variant Plain { get; } = new("plain", []);

    /// <summary>APL as it is by default.</summary>
    public static Variant Apl { get; } = new("APL", [("Apl", "layer")]);

    /// <summary>AIM with activity compared with the largest, as by default.</summary>
    public static Variant AimByMaximum { get; } = new("AIM, max", [("Aim", "0.4")]);

    /// <summary>AIM with activity compared with the mean.</summary>
    public static Variant AimByMean { get; } = new("AIM, mean", [("Aim", "0.4"), ("AimNormalization", "mean")]);

    /// <summary>Both steps by their defaults, each left out where a build leaves it out.</summary>
    public static Variant AsBuilt { get; } = new("APL and AIM, as a build has it", [("Apl", "layer"), ("Aim", "auto")]) { IsAsBuilt = true };

    /// <summary>Whether steps are left out as in a build, and not taken in any case.</summary>
    public bool IsAsBuilt { get; private init; }

    /// <summary>Those around every method.</summary>
    public static IReadOnlyList<Variant> Usual { get; } = [Plain, AsBuilt, Apl, AimByMaximum, AimByMean];

    /// <summary>What else is tried around <c>task_arithmetic</c>.</summary>
    public static IReadOnlyList<Variant> OfTaskArithmetic { get; } =
    [
        new("DARE, 20 %", [("Apl", "layer"), ("AplDensity", "0.2"), ("AplDrop", "random"), ("AplTau1", "inf"), ("AplRescale", "inverse")]),
        new("APL, first version, 20 %", [.. FirstVersion, ("AplDensity", "0.2")]),
        new("APL, first version, 50 %", [.. FirstVersion, ("AplDensity", "0.5")]),
        new("APL, 5 %", [("Apl", "layer"), ("AplDensity", "0.05")]),
        new("magnitude, 5 %", [("Apl", "layer"), ("AplDensity", "0.05"), ("AplTau1", "inf"), ("AplRescale", "none")]),
        new("magnitude, 20 %", [("Apl", "layer"), ("AplDensity", "0.2"), ("AplTau1", "inf"), ("AplRescale", "none")]),
        new("APL, rule importance", [("Apl", "layer"), ("AplDrop", "importance")]),
        new("APL and AIM, mean", [("Apl", "layer"), ("Aim", "0.4"), ("AimNormalization", "mean")]),
    ];
}
