using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>The rows of options: what is told of each is what is done.</summary>
public sealed class OptionTable
{
    private static readonly AimDeclaration Aim = new(
        new SourceLocation("x"))
    { Calibration = new DataFile("c.txt", "/c.txt", new SourceLocation("x")) };
    private static readonly AplDeclaration Apl = new(new SourceLocation("x")) { Levels = [] };

    private static readonly MergeDeclaration Merge = new(
        "m", new SourceLocation("x"))
    { Method = "linear", Models = [], ProjectFile = "/p", OutputFolder = "/o" };

    private static readonly EvaluationDeclaration Evaluation = new(
        "m", new DataFile("e.jsonl", "/e.jsonl", new SourceLocation("x")), new SourceLocation("x"));

    [Fact]
    public void A_default_that_is_told_means_what_is_used()
    {
        Check<MergeSettings>(Merge, MergeSettings.Options);
        Check(Evaluation, EvaluationDeclaration.Options);
        Check(Aim, AimDeclaration.Options.Skip(1));
        Check(Apl, AplDeclaration.Options.Skip(1));

        static void Check<T>(T record, IEnumerable<MergeOption<T>> options)
        {
            var unset = Read(record, options, _ => null);
            foreach (var option in options.Where(option => option.DefaultText is not null))
                Assert.Equal(unset, Read(record, options, asked => asked == option ? option.DefaultText : null));
        }
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        var options = AplDeclaration.Options;
        var apl = Apl with
        {
            Levels = [PartitionLevel.Model, PartitionLevel.Hidden],
            Density = 0.25,
            Mode = InterventionMode.Ablate,
            IsExact = true,
            Drop = DropRule.RestoreImportance,
            Tau0 = double.PositiveInfinity,
            Tau1 = 0.1,
            Tau2 = 3,
            Budget = BudgetRule.Total,
            Rescale = RescaleRule.Inverse,
            Verifies = true,
            AllowsCostly = true,
        };
        Assert.Equal(options.Count, options.Count(option => option.Written(apl) is not null));
        var read = Read(Apl, options, option => ((MergeOption<AplDeclaration>)option).Written(apl)?.Trim('[', ']'));
        Assert.Equal(apl.Levels, read.Levels);
        Assert.Equal(apl, read with { Levels = apl.Levels });
    }

    [Fact]
    public void A_mistake_is_told_also_where_another_place_counts()
    {
        var told = new List<Diagnostic>();
        var option = AimDeclaration.Options.Single(option => option.Key == "kappa");
        var aim = new OptionReader("Merge 'm'", asked => asked == option ? [Written("5"), Written("steep")] : [], _ => "", told.Add)
            .Read(Aim, [option]);
        Assert.Equal(5, aim.Kappa);
        Assert.Equal(
            "Merge 'm': 'AimKappa' (in recipes 'aim: kappa') is 'steep'; it must be a number between 0.001 and 100, with '.' as decimal "
                + "separator.", Assert.Single(told).Message);
    }

    [Fact]
    public void No_two_options_share_a_name()
    {
        Assert.Equal(MergeOptions.All.Count, MergeOptions.All.DistinctBy(option => option.Metadata).Count());
        Assert.Equal(
            MergeOptions.All.Count(option => option.Key.Length > 0),
            MergeOptions.All.Where(option => option.Key.Length > 0).DistinctBy(option => (option.Section, option.Key)).Count());
        Assert.Equal(ProjectSurface.Properties.Count, ProjectSurface.Properties.DistinctBy(property => property.Name).Count());
    }

    [Theory]
    [InlineData(5_000_000_000, "5GB")]
    [InlineData(20L << 30, "20GiB")]
    [InlineData(1536, "1536")]
    [InlineData(2048, "2KiB")]
    [InlineData(0, "0")]
    public void Sizes_are_written_in_the_largest_whole_unit(long bytes, string text)
    {
        Assert.Equal(text, ByteSize.Written(bytes));
        Assert.Equal(bytes, ByteSize.Parse(text));
    }

    private static T Read<T>(T record, IEnumerable<MergeOption<T>> options, Func<MergeOption, string?> text) =>
        new OptionReader(
            "x",
            option => text(option) is { } written ? [Written(written)] : [],
            written => written.Text,
            diagnostic => Assert.Fail(diagnostic.Message)).Read(record, options);

    private static WrittenOption Written(string text) => new([text], () => new SourceLocation("x"));
}
