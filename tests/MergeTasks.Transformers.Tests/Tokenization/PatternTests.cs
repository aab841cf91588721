using MergeTasks.Transformers.Tokenization.Patterns;

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
}
