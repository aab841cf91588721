using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Options;
using MergeTasks.Methods.BuiltIn;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Reads what the methods that assemble a model instead of mixing models have beyond parameters: a mixture's experts, and how rows of a
/// transplanted tokenizer are made.
/// </summary>
/// <param name="report">Receives each finding.</param>
internal sealed class AssemblingDeclarations(Action<Diagnostic> report)
{
    /// <summary>Reads it.</summary>
    /// <param name="merge">The merge, everything else of which is read.</param>
    /// <param name="options">What is written of it.</param>
    /// <param name="experts">What is written of its models as experts.</param>
    public MergeDeclaration Read(MergeDeclaration merge, OptionReader options, Func<IReadOnlyList<ExpertDeclaration>> experts)
    {
        if (IsTransplant(merge))
            return WithTransplant(merge, options);
        if (TransplantSettings.Options.Select(options.Find).FirstOrDefault(written => written is not null) is { } odd)
            options.Report(
                DiagnosticCode.InvalidValue,
                $"only the method '{AssemblingMethod.Transplant.Name}' makes rows for tokens that a model lacks; remove this.",
                odd.Location);
        if (!IsMixture(merge))
            return merge;
        merge = merge with { Mixture = MixtureDeclaration.Read(options, experts()) };
        MixtureCheck.Check(merge, merge.Mixture, report);
        return merge;
    }

    /// <summary>Reports an item that is told what an expert is, in a merge that has none.</summary>
    public void CheckItems(MergeDeclaration merge, IReadOnlyList<DeclaredItem> sources)
    {
        if (!IsMixture(merge) && sources.FirstOrDefault(ExpertItems.Mentions) is { } odd)
            report(merge.Error(
                DiagnosticCode.InvalidValue,
                $"'{odd.Include}' is told what an expert is, and the method '{merge.Method}' has no experts. Say "
                    + $"Method=\"{AssemblingMethod.Mixture.Name}\".",
                odd.Location));
    }

    private MergeDeclaration WithTransplant(MergeDeclaration merge, OptionReader options)
    {
        if (merge.Models.Count != 1)
            report(merge.Error(
                DiagnosticCode.ModelCount,
                $"a tokenizer is taken from one model, beside the base that gets it; {merge.Models.Count} given."));
        if (!merge.IsWhole || merge.Aim is not null || merge.Apl is not null || merge.Tokenizer is not null)
            report(merge.Error(
                DiagnosticCode.InvalidValue,
                "a transplanted tokenizer leaves everything but embeddings and head as it is, so slices, modules, AIM, APL and "
                    + "'tokenizer' do not apply."));
        return merge with { Transplant = options.Read(new TransplantSettings(), TransplantSettings.Options) };
    }

    private static bool IsTransplant(MergeDeclaration merge) => merge.Method == AssemblingMethod.Transplant.Name;

    private static bool IsMixture(MergeDeclaration merge) => merge.Method == AssemblingMethod.Mixture.Name;
}
