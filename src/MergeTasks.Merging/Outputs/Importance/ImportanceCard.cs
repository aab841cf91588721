using System.Globalization;
using System.Text;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Outputs.Importance;

/// <summary>The model card's section on AIM and APL.</summary>
internal static class ImportanceCard
{
    /// <summary>The section; empty where neither was used.</summary>
    public static string Of(MergePlan plan, ImportanceReport? report)
    {
        if (plan.Importance is not { } importance)
            return "";
        var card = new StringBuilder("## Importance\n\n");
        if (importance.Aim is { Declaration: var aim })
            card.Append(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"After merging, [AIM](https://arxiv.org/abs/2502.02421) pulled the weights back towards "
                        + $"`{importance.BaseDeclaration.Label}` where their input channels are active on `{aim.Calibration.Label}` (ω "
                        + $"= {aim.Omega:R}, {OptionKind.NameOf(aim.Statistic)}).\n\n"));
        if (importance.Apl is { } apl)
            AppendApl(card, report, apl);
        if (importance.Factor is { Declaration: var factor })
            card.Append(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The merged change was multiplied by {(factor.Value ?? report?.Check?.Factor ?? 1):R}{(factor.Value is null ? ", chosen on the models' tasks" : "")}.\n\n"));
        if (report?.Check is { } check)
            AppendCheck(card, check);
        card.Append("Scores used:\n\n| score | model | data | key |\n|---|---|---|---|\n");
        foreach (var score in importance.Requests.Select(ManifestScore.Of))
            card.Append($"| {score.Score} | `{score.Model}` | {(score.Data is null ? "" : $"`{score.Data}`")} | `{score.Key[..16]}` |\n");
        return card.Append('\n').ToString();
    }

    private static void AppendApl(StringBuilder card, ImportanceReport? found, AplPlan apl)
    {
        var settings = apl.Declaration;
        card.Append("Before merging, [APL](https://arxiv.org/abs/2408.09485) ");
        card.Append(settings.DropLevel is { } level
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"kept part of each model's changes, shared out by the importance of "
                    + $"each {(level == PartitionLevel.Hidden ? "row" : OptionKind.NameOf(level))} for the model's task "
                    + $"(rule {OptionKind.NameOf(settings.Drop)}{(settings.Density is { } density ? $", density {density:R}" : "")}).")
            : "weighed the models by the importance of their changes for their tasks.");
        card.Append("\n\n");
        if (found is not { Models.Count: > 0 } report)
            return;
        var weights = report.Models
            .Where(model => model.Weight is not null)
            .Select(model => string.Create(CultureInfo.InvariantCulture, $"`{model.Model}` {model.Weight:R}"))
            .ToList();
        if (weights.Count > 0)
            card.Append($"Weights: {string.Join(", ", weights)}.\n\n");
        AppendChanges(card, [.. report.Models.Where(model => model.Change is not null)]);
        AppendKept(card, [.. report.Models.Where(model => model.Kept is not null)]);
        foreach (var model in report.Models)
        {
            foreach (var (name, agreement) in model.Verified ?? new Dictionary<string, Agreement>())
                card.Append(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"`{model.Model}`, importance per {name} against exact interventions: Spearman's ρ {agreement.Spearman:R}, "
                            + $"relative error {agreement.RelativeError:R}.\n\n"));
        }
    }

    private static void AppendChanges(StringBuilder card, List<ModelReport> models)
    {
        if (models.Count == 0)
            return;
        card.Append("| model | density | elements kept | multiplied by | of its own gain |\n|---|---|---|---|---|\n");
        foreach (var model in models)
            card.Append(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| `{model.Model}` | {model.Change!.Density:0.####} | {model.Change.Kept * 100:0.0} % | {model.Change.Scale:0.####} "
                        + $"| {(model.Change.Recovery is { } recovery ? string.Create(CultureInfo.InvariantCulture, $"{recovery * 100:0.0} %") : "")} |\n"));
        card.Append('\n');
    }

    private static void AppendCheck(StringBuilder card, CheckReport check)
    {
        card.Append(
            "On the models' tasks, as the share of each fine-tuned model's gain in log-probability that the merge keeps (mean of the "
                + "tasks):\n\n");
        if (check.LeftOut is not null)
        {
            card.Append(check.LeftOut).Append(check.LeftOut == CheckReport.Both ? " were" : " was");
            card.Append(" left out: on the samples that decided, the merge is not better with it beyond chance.\n\n");
        }

        card.Append("| merge | factor | on samples that decided | on held samples | change, 95 % |\n|---|---|---|---|---|\n");
        foreach (var step in check.Steps)
        {
            card.Append(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {(step.Step == "plain" ? "plain" : "with " + step.Step)} | {step.Factor:0.##} | {Share(step.Recovery)} "
                        + $"| {Share(step.Held)} | "));
            card.Append(
                step.Change is { } change
                    ? string.Create(CultureInfo.InvariantCulture, $"{change:+0.000;-0.000} ± {step.Within:0.000} |\n")
                    : "|\n");
        }

        card.Append('\n');
    }

    private static string Share(double? value) => value is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share:0.000}") : "";

    private static void AppendKept(StringBuilder card, List<ModelReport> models)
    {
        if (models.Count == 0)
            return;
        card.Append("Share of the changes dropped:\n\n| layer |")
            .Append(string.Concat(models.Select(model => $" `{model.Model}` |")))
            .Append("\n|---|")
            .Append(string.Concat(models.Select(_ => "---|")))
            .Append('\n');
        foreach (var layer in models.SelectMany(model => model.Kept!.Keys).Distinct())
        {
            card.Append($"| {layer} |");
            foreach (var model in models)
                card.Append(
                    model.Kept!.TryGetValue(layer, out var kept)
                        ? string.Create(CultureInfo.InvariantCulture, $" {(1 - kept) * 100:0.0} % |")
                        : " |");
            card.Append('\n');
        }

        card.Append('\n');
    }

}
