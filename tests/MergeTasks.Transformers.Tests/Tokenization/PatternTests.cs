using MergeTasks.Transformers.Tokenization.Patterns;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tests.Tokenization;

/// <summary>Patterns mean what they mean to the reference's engine; the expectations were read off it.</summary>
public sealed class PatternTests
{
    [Theory]
    [InlineData("(?m)a.b", "xa\nbx", "a\nb")]
    [InlineData("^b", "ab\nb", "b")]
    [InlineData("b$", "ab\nab", "b|b")]
    [InlineData(@"b\Z", "b\nb\n", "b")]
    [InlineData(@"b\z", "b\nb\n", "")]
    [InlineData("a{,2}", "aaaa", "aa|aa")]
    [InlineData("a{2}+b", "aaaab", "aaaab")]
    [InlineData("a++ab", "aaab", "")]
    [InlineData("[a-d&&[^b]]+", "abcd", "a|cd")]
    [InlineData(@"\R", "a\r\nb", "\r\n")]
    [InlineData(@"[\w]+", "a²b", "a|b")]
    [InlineData(@"\w+", "a²b", "a²b")]
    [InlineData("(?i)s", "aſa", "ſ")]
    [InlineData("(?i:k)", "kK\u212Aa", "k|K|\u212A")]
    [InlineData("a(?i)b|c", "aBCc", "aB")]
    [InlineData(@"(?<=a|bc)d", "adbcd", "d|d")]
    [InlineData(@"(?<!a)b", "abb", "b")]
    [InlineData(@"\s+(?!\S)", "a   b", "  ")]
    [InlineData("(?x) a b # words", "ab", "ab")]
    [InlineData(@"\p{^L}+", "ab12", "12")]
    [InlineData(@"\p{Punct}", "a$.", ".")]
    [InlineData("[[:punct:]]", "a$.", "$|.")]
    [InlineData("(?>a+)b", "aab", "aab")]
    [InlineData("(?:a|b)+?c", "abc", "abc")]
    [InlineData(@"[[:alpha:]&&[^aeiou]&&[a-m]]+", "abcdefz", "bcd|f")]
    [InlineData(@"[\p{L}&&[^\x{0}-\x{7f}]]+", "aäb", "ä")]
    [InlineData(@"\p{Han}+", "中文a", "中文")]
    public void Matches_are_those_of_the_reference(string pattern, string text, string expected)
    {
        var ranges = new List<TextRange>();
        new Pattern(pattern).FindMatches(text, ranges);
        Assert.Equal(expected, string.Join('|', ranges.Where(r => r.IsMatch && r.End > r.Start).Select(r => text[r.Start..r.End])));
        Assert.Equal(text, string.Concat(ranges.Select(r => text[r.Start..r.End])));
    }

    [Theory]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("*a")]
    [InlineData("[a")]
    [InlineData("[z-a]")]
    [InlineData(@"\")]
    [InlineData(@"\xE4")]
    [InlineData("(?s)a")]
    [InlineData("(?~a)")]
    [InlineData(@"\k<n>")]
    [InlineData(@"\X")]
    [InlineData("(?<=a*)b")]
    [InlineData("(?:a*)*")]
    [InlineData("a{2,1}")]
    [InlineData("(?i)ß")]
    public void What_is_not_matched_exactly_is_refused(string pattern) =>
        Assert.Throws<PatternSyntaxException>(() => new Pattern(pattern));

    [Fact]
    public void A_long_match_does_not_exhaust_the_stack()
    {
        var ranges = new List<TextRange>();
        new Pattern("(?:a|b)+c|a").FindMatches(new string('a', 100_000) + "c", ranges);
        Assert.Single(ranges);
    }

    public static TheoryData<string> Endless => [
        new string('(', 100_000), new string('[', 100_000), string.Concat(Enumerable.Repeat("(?i:", 50_000)), "a" + new string('?', 100_000),
        string.Concat(Enumerable.Repeat("(?i)(", 20_000)), string.Concat(Enumerable.Repeat("(?<=", 30_000)),
        $"[{string.Concat(Enumerable.Repeat("[:alpha:]&&[^ha:]&&", 20_000))}a]", string.Concat(Enumerable.Repeat(@"[\p{L}\p{N}]", 20_000)),
        "((((a{1000}){1000}){1000}){1000})", "(((((){1000}){1000}){1000}){1000})",
    ];

    [Theory]
    [MemberData(nameof(Endless))]
    public void What_would_exhaust_stack_or_memory_is_refused(string pattern) =>
        Assert.Throws<PatternSyntaxException>(() => new Pattern(pattern));

    [Fact]
    public void Many_levels_are_read_at_once()
    {
        // Each level has two items, so that whoever asks every level twice asks for ever; and a width that no number holds.
        var nested = string.Concat(Enumerable.Repeat("(?:xa", 90)) + new string(')', 90);
        var ranges = new List<TextRange>();
        new Pattern($"(?<={nested})b|c").FindMatches("c", ranges);
        Assert.Single(ranges);
        Assert.Throws<PatternSyntaxException>(() => new Pattern("(?<=(?:(?:(?:ab{1000}){1000}){1000}){1000})c"));
    }

    [Fact]
    public void Thousands_of_choices_are_matched_without_working_out_what_each_begins_with()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var ranges = new List<TextRange>();
        new Pattern(string.Join('|', Enumerable.Repeat(@" ?\p{L}", 4000)) + @"|\p{N}").FindMatches("1 a2", ranges);
        Assert.Equal(3, ranges.Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 50_000_000);
    }

    [Fact]
    public void A_long_way_without_a_failure_counts_too()
    {
        // Thousands of instructions between two failures.
        var pattern = string.Concat(Enumerable.Repeat(" ?", 5000)) + "x";
        Assert.Throws<TokenizerException>(() => new Pattern(pattern).FindMatches(new string(' ', 30) + "b", []));
    }

    [Fact]
    public void What_a_repeated_choice_begins_with_is_worked_out_once()
    {
        var ranges = new List<TextRange>();
        new Pattern(@"(?:(?:[\p{L}\p{N}]b|[\p{N}\p{P}]c|\p{L}){0,300}?,){10}|a").FindMatches("a", ranges);
        Assert.Single(ranges);
    }

    [Fact]
    public void Matching_that_would_not_end_is_given_up()
    {
        var e = Assert.Throws<TokenizerException>(() => new Pattern("(?:a|aa|a)+$").FindMatches(new string('a', 200) + "b", []));
        Assert.Contains("too many ways", e.Message, StringComparison.Ordinal);
    }
}
