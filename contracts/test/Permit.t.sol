// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Account} from "../src/Account.sol";
import {Documents} from "../src/Documents.sol";
import {ICashFacts} from "../src/ICash.sol";
import {Events} from "./Events.sol";

/// ERC-2612: allowances by signature.
contract PermitTest is Events {
    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
    }

    /// Ana's permit for Bo.
    function _sign(uint256 value, uint256 nonce, uint256 deadline) private view returns (bytes memory) {
        return signed(key(0), Documents.permit(_ana, _bo, value, nonce, deadline));
    }

    function _refused(uint256 value, uint256 deadline, bytes memory signature, bytes memory reason) private {
        vm.expectRevert(reason);
        cash.permit(_ana, _bo, value, deadline, signature);
    }

    function _invalid(address signer) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, signer);
    }

    function test_aPermitApprovesAndSaysSo() public {
        bytes memory signature = _sign(70, 0, BEFORE);
        listen();
        vm.prank(RELAYER);
        cash.permit(_ana, _bo, 70, BEFORE, signature);
        heard(approvalLog(_ana, _bo, 70));
        assertEq(cash.allowance(_ana, _bo), 70, "allowance");
        assertEq(cash.nonces(_ana), 1, "nonce");
        assertEq(cash.accountState(_ana).permitNonce, 1, "state");
        assertEq(cash.accountState(_ana).window, 0, "window");
        assertEq(cash.balanceOf(_ana), 1_000, "balance");
    }

    function test_theThreePartFormDoesTheSame() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(Documents.permit(_ana, _bo, 70, 0, BEFORE)));
        listen();
        vm.prank(RELAYER);
        cash.permit(_ana, _bo, 70, BEFORE, v, r, s);
        heard(approvalLog(_ana, _bo, 70));
        vm.expectRevert(_invalid(_ana));
        cash.permit(_ana, _bo, 70, BEFORE, v, r, s);
    }

    function test_aShortSignaturePermitsToo() public {
        cash.permit(_ana, _bo, 70, BEFORE, signedShort(key(0), Documents.permit(_ana, _bo, 70, 0, BEFORE)));
        assertEq(cash.allowance(_ana, _bo), 70, "allowance");
    }

    function test_aPermitIsGoodAtItsDeadline() public {
        bytes memory signature = _sign(70, 0, BEFORE);
        vm.warp(BEFORE);
        cash.permit(_ana, _bo, 70, BEFORE, signature);
        signature = _sign(70, 1, BEFORE);
        vm.warp(BEFORE + 1);
        _refused(70, BEFORE, signature, abi.encodeWithSelector(ICashFacts.Expired.selector, BEFORE, BEFORE + 1));
        signature = _sign(type(uint256).max, 1, type(uint256).max);
        cash.permit(_ana, _bo, type(uint256).max, type(uint256).max, signature);
        assertEq(cash.allowance(_ana, _bo), type(uint256).max, "without an end");
    }

    function test_permitNoncesComeInTheirOrder() public {
        (bytes memory first, bytes memory second) = (_sign(70, 0, BEFORE), _sign(80, 1, BEFORE));
        _refused(80, BEFORE, second, _invalid(_ana));
        cash.permit(_ana, _bo, 70, BEFORE, first);
        _refused(70, BEFORE, first, _invalid(_ana));
        cash.permit(_ana, _bo, 80, BEFORE, second);
        assertEq(cash.nonces(_ana), 2, "nonce");
        assertEq(cash.nonces(_bo), 0, "another's nonce");
        assertEq(cash.allowance(_ana, _bo), 80, "allowance");
    }

    /// Whoever executes somebody's permit first spoils that transaction and leaves what it wanted.
    function test_aFrontRunPermitLeavesTheAllowance() public {
        bytes memory signature = _sign(70, 0, BEFORE);
        vm.prank(person(77));
        cash.permit(_ana, _bo, 70, BEFORE, signature);
        vm.prank(_bo);
        vm.expectRevert(_invalid(_ana));
        cash.permit(_ana, _bo, 70, BEFORE, signature);
        vm.prank(_bo);
        cash.transferFrom(_ana, _bo, 70);
        assertEq(cash.balanceOf(_bo), 70, "moved");
    }

    function test_everyFieldOfAPermitIsSigned() public {
        bytes memory signature = _sign(70, 0, BEFORE);
        _refused(71, BEFORE, signature, _invalid(_ana));
        _refused(70, BEFORE + 1, signature, _invalid(_ana));
        _refused(70, BEFORE, "", _invalid(_ana));
        vm.expectRevert(_invalid(_ana));
        cash.permit(_ana, person(2), 70, BEFORE, signature);
        vm.expectRevert(_invalid(_bo));
        cash.permit(_bo, _bo, 70, BEFORE, signature);
        vm.expectRevert(_invalid(address(0)));
        cash.permit(address(0), _bo, 70, BEFORE, signature);
        assertEq(cash.nonces(_ana), 0, "nonce");
    }

    function test_nobodyCanBePermittedToSpend() public {
        bytes memory signature = signed(key(0), Documents.permit(_ana, address(0), 70, 0, BEFORE));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        cash.permit(_ana, address(0), 70, BEFORE, signature);
        assertEq(cash.nonces(_ana), 0, "nonce");
    }

    function test_theLastPermitNonceIsNeverUsed() public {
        uint256 last = type(uint32).max;
        uint256 others = 1_000 | (uint256(7) << 96) | (uint256(5) << 160);
        place(_ana, Account.wrap(others | ((last - 1) << 216)));
        cash.permit(_ana, _bo, 70, BEFORE, _sign(70, last - 1, BEFORE));
        assertEq(cash.nonces(_ana), last, "nonce");
        bytes memory signature = _sign(80, last, BEFORE);
        _refused(80, BEFORE, signature, abi.encodeWithSelector(ICashFacts.PermitNoncesExhausted.selector, _ana));
        assertTrue(!cash.accountState(_ana).frozen, "nothing ran over into the flags");
        assertEq(cash.accountState(_ana).windowBase, 5, "base");
        assertEq(cash.accountState(_ana).window, 7, "window");
    }

    function testFuzz_permitsCountOneByOne(uint256[6] memory values) public {
        for (uint256 i = 0; i < values.length; ++i) {
            cash.permit(_ana, _bo, values[i], BEFORE, _sign(values[i], i, BEFORE));
            assertEq(cash.allowance(_ana, _bo), values[i], "allowance");
            assertEq(cash.nonces(_ana), i + 1, "nonce");
        }
    }

    function testFuzz_dirtyAddressesAreRefused(uint96 dirt) public {
        vm.assume(dirt != 0);
        bytes memory signature = _sign(70, 0, BEFORE);
        string memory name = "permit(address,address,uint256,uint256,bytes)";
        (uint256 owner, uint256 spender) = (uint160(_ana), uint160(_bo));
        uint256 high = uint256(dirt) << 160;
        _refuseDirty(abi.encodeWithSignature(name, owner | high, spender, 70, BEFORE, signature));
        _refuseDirty(abi.encodeWithSignature(name, owner, spender | high, 70, BEFORE, signature));
        (bool ok,) = address(cash).call(abi.encodeWithSignature(name, owner, spender, 70, BEFORE, signature));
        assertTrue(ok, "the same call with clean addresses");
    }

    function _refuseDirty(bytes memory data) private {
        (bool ok, bytes memory answer) = address(cash).call(data);
        assertTrue(!ok && answer.length == 0, "dirty address");
    }
}
