using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Recipes;

/// <summary>A setting of AIM or APL: how it is called as item metadata and in a recipe.</summary>
/// <param name="Metadata">Name as metadata of <c>MergedModel</c>, and with <c>Merge</c> in front, where it does not begin so, as a property of the project.</param>
/// <param name="Section">The recipe section that holds it; empty for a key of the recipe itself.</param>
/// <param name="Key">Name in that section.</param>
public sealed record ImportanceOption(string Metadata, string Section, string Key)
{
    /// <summary>Metadata of a <c>MergeSource</c>, and key of a recipe's model, that names its task data.</summary>
    public const string TaskData = "TaskData";

    internal static readonly ImportanceOption
        Base = new("ImportanceBase", "", "importance_base")
        {
            Form = new RecipeForm.Reference(),
            Description = "From which model AIM and APL measure changes, where it is not the base.",
        },
        Factor = new("MergeFactor", "", "merge_factor")
        {
            Form = new RecipeForm.Text(),
            Description = "One factor for the whole merged change: a number, off, or task, which chooses it on the models' task data. Default: task where every model has task data and neither Lambda nor T is set, else off.",
        },
        SelfCheck = new("SelfCheck", "", "self_check")
        {
            Form = new RecipeForm.Flag(),
            Default = "true",
            Description = "Keep half of the task data from scoring, and compare the merge with APL and AIM and without on it; where a model has fewer than 8 samples, all are used for scoring.",
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
        Normalization = new("AimNormalization", "aim", "normalization")
        {
            Form = new RecipeForm.Text("max", "mean", "rank"),
            Default = "max",
            Description = "What a channel's statistic is compared with: the largest of its module, twice their mean (recommended), or the others' ranks.",
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
        Density = new("AplDensity", "apl", "density")
        {
            Default = "auto",
            Description = "Least share of all elements whose changes are kept; auto: the smallest of 0.05, 0.1, 0.2, 0.5 and 1 that keeps 98 % of what fine-tuning gained on the task data.",
        },
        Budget = new("AplBudget", "apl", "budget")
        {
            Form = new RecipeForm.Text("per-parameter", "total"),
            Default = "per-parameter",
            Description = "Whether a part's share follows its importance per parameter, over all elements and with elements equal to a threshold kept, or its whole importance, over changed elements to an exact count.",
        },
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
            Form = new RecipeForm.Text("magnitude", "random", "importance", "restore-importance"),
            Default = "magnitude",
            Description = "Which elements of a part are dropped: the smallest changes, random ones, those whose removal costs least to second order, or those of the smallest product with the gradient that scoring used.",
        },
        Tau0 = new("AplTau0", "apl", "tau0") { Default = "1", Description = "Temperature of the models' weights; inf: all the same." },
        Tau1 = new("AplTau1", "apl", "tau1") { Default = "2", Description = "Temperature of layers; inf: all the same." },
        Tau2 = new("AplTau2", "apl", "tau2") { Default = "2", Description = "Temperature of tensors or rows within a layer; inf: all the same." },
        Rescale = new("AplRescale", "apl", "rescale")
        {
            Form = new RecipeForm.Text("task", "none", "mass", "inverse", "true", "false"),
            Default = "task",
            Description = "What makes up for dropped changes: one factor for each model, chosen on its task data or so that the changes' magnitude stays, division by the keep ratio (true), or nothing (false).",
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
        Base, Factor, SelfCheck, Omega, Calibration, Statistic, Normalization, Scaling, Kappa, Activations, TiedHead, Samples, Block,
        Levels, Density, Budget, Mode, Scoring, Drop, Tau0, Tau1, Tau2, Rescale, Verify, AllowCostly,
    ];

    /// <summary>The name as a user of recipes knows it.</summary>
    public string RecipeName => Section.Length == 0 ? Key : $"{Section}: {Key}";
}

/// <summary>A setting as written, and where.</summary>
/// <param name="Text">The text; lists are separated by ';'.</param>
/// <param name="Location">Position.</param>
public sealed record WrittenOption(string Text, SourceLocation Location);
