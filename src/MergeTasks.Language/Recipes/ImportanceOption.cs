using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Recipes;

/// <summary>A setting of AIM or APL: how it is called as item metadata and in a recipe.</summary>
/// <param name="Metadata">Name as metadata of <c>MergedModel</c>, and with <c>Merge</c> in front as a property of the project.</param>
/// <param name="Section">The recipe section that holds it; empty for a key of the recipe itself.</param>
/// <param name="Key">Name in that section.</param>
internal sealed record ImportanceOption(string Metadata, string Section, string Key)
{
    /// <summary>Metadata of a <c>MergeSource</c>, and key of a recipe's model, that names its task data.</summary>
    public const string TaskData = "TaskData";

    internal static readonly ImportanceOption
        Base = new("ImportanceBase", "", "importance_base")
        {
            Form = new RecipeForm.Reference(),
            Description = "From which model AIM and APL measure changes, where it is not the base.",
        },
        Omega = new("Aim", "aim", "omega")
        {
            Default = "off",
            Description = "Activation-informed merging: ω from 0, which returns the most active channel to the base, to 1, which leaves the merge as it is; off for one merge.",
        },
        Calibration = new("Calibration", "aim", "calibration")
        {
            Description = "The text that AIM runs the base on: .txt with blank lines between documents, or .jsonl with {\"text\"}.",
        },
        Statistic = new("AimStatistic", "aim", "statistic")
        {
            Form = new RecipeForm.Text("mean-abs", "rms", "variance", "gradient"),
            Default = "mean-abs",
            Description = "Of each input channel, or of the gradient of the next-token loss.",
        },
        Scaling = new("AimScaling", "aim", "scaling")
        {
            Form = new RecipeForm.Text("linear", "exponential"),
            Default = "linear",
            Description = "How a channel's activity becomes its importance.",
        },
        Kappa = new("AimKappa", "aim", "kappa") { Default = "3", Description = "Steepness of the exponential scaling." },
        Activations = new("AimActivations", "aim", "activations")
        {
            Form = new RecipeForm.Text("base", "participants"),
            Default = "base",
            Description = "Whose activations: the base's, or those of every merged model, each contributing to a channel in proportion to its activity there.",
        },
        TiedHead = new("AimTiedHead", "aim", "tied_head")
        {
            Form = new RecipeForm.Text("keep", "relax"),
            Default = "keep",
            Description = "Whether embeddings that serve as the head are relaxed by the head's input.",
        },
        Samples = new("AimSamples", "aim", "samples") { Form = new RecipeForm.WholeNumber(1), Default = "256", Description = "Most documents of the calibration text." },
        Block = new("AimBlock", "aim", "block")
        {
            Form = new RecipeForm.WholeNumber(1),
            Default = "512",
            Description = "Tokens of a calibration block; the model's positions limit it.",
        },
        Levels = new("Apl", "apl", "levels")
        {
            Form = new RecipeForm.Texts(),
            Default = "off",
            Description = "Activated parameter locating: layer, tensor or hidden (rows), the finest of which decides what is dropped, and model, where importance sets the weights.",
        },
        Density = new("AplDensity", "apl", "density") { Description = "Share of the changed elements that is kept; default: the method's density, else 0.5." },
        Mode = new("AplMode", "apl", "mode")
        {
            Form = new RecipeForm.Text("restore", "ablate"),
            Default = "restore",
            Description = "Put a part into the base, or take its change out of the fine-tuned model.",
        },
        Scoring = new("AplScoring", "apl", "scoring")
        {
            Form = new RecipeForm.Text("gradient", "exact"),
            Default = "gradient",
            Description = "Approximate interventions by one gradient, or run each.",
        },
        Drop = new("AplDrop", "apl", "drop")
        {
            Form = new RecipeForm.Text("random", "magnitude", "importance"),
            Default = "random",
            Description = "Which elements of a part are dropped: random ones, the smallest changes, or the least important.",
        },
        Tau0 = new("AplTau0", "apl", "tau0") { Default = "1", Description = "Temperature of the models' weights; inf: all the same." },
        Tau1 = new("AplTau1", "apl", "tau1") { Default = "1", Description = "Temperature of layers or tensors; inf: all the same." },
        Tau2 = new("AplTau2", "apl", "tau2") { Default = "1", Description = "Temperature of rows within a layer; inf: all the same." },
        Rescale = new("AplRescale", "apl", "rescale")
        {
            Form = new RecipeForm.Flag(),
            Description = "Divide what is kept by its keep ratio; default: where random elements are dropped.",
        },
        Verify = new("AplVerify", "apl", "verify")
        {
            Form = new RecipeForm.Flag(),
            Default = "false",
            Description = "Compare the approximation with exact interventions; the result goes to log, manifest and model card.",
        },
        AllowCostly = new("AplAllowCostly", "apl", "allow_costly")
        {
            Form = new RecipeForm.Flag(),
            Default = "false",
            Description = "Allow exact interventions on rows, each of which is a run over all samples.",
        };

    /// <summary>What its value may be.</summary>
    public RecipeForm Form { get; private init; } = new RecipeForm.Text();

    /// <summary>Used where nothing is given; <see langword="null"/>: nothing, or what the description says.</summary>
    public string? Default { get; private init; }

    /// <summary>One sentence for the reference.</summary>
    public required string Description { get; init; }

    /// <summary>All options; in each section the first is also the section's short form (<c>aim: 0.4</c>, <c>apl: layer</c>).</summary>
    public static IReadOnlyList<ImportanceOption> All { get; } =
    [
        Base, Omega, Calibration, Statistic, Scaling, Kappa, Activations, TiedHead, Samples, Block,
        Levels, Density, Mode, Scoring, Drop, Tau0, Tau1, Tau2, Rescale, Verify, AllowCostly,
    ];

    /// <summary>The name as a user of recipes knows it.</summary>
    public string RecipeName => Section.Length == 0 ? Key : $"{Section}: {Key}";
}

/// <summary>A setting as written, and where.</summary>
/// <param name="Text">The text; lists are separated by ';'.</param>
/// <param name="Location">Position.</param>
internal sealed record WrittenOption(string Text, SourceLocation Location);
